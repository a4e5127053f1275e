//! Reads a file of spend: CSV in UTF-8, with or without byte order mark, separated by comma,
//! semicolon or tab, with the names of the columns in its first row.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, PartialSchema as _};

use crate::http::error::FieldErrors;
use crate::http::fields::options::{Id, Nullable};
use crate::http::fields::types::{OptionalText, Text, text};
use crate::http::fields::{Errors, Fields};
use crate::http::request::{Field, request};
use crate::http::typed_query::describe;

/// Maximum rows of a file. All are written in one transaction.
pub const MAX_ROWS: usize = 2_000;
/// Maximum size of the request body, in bytes.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Roles of columns, and the names by which a column is found if the client does not name it.
const ROLES: [(&str, &[&str]); 5] = [
    ("date", &["date", "day", "reporting starts"]),
    ("amount", &["amount", "spend", "cost", "amount spent"]),
    ("reference", &["reference", "id", "transaction id", "transaction_id"]),
    ("account", &["account", "account_id", "account name", "ad account"]),
    ("currency", &["currency", "currency code"]),
];

/// The name of a column.
pub type ColumnName = OptionalText<100>;

request! {
    /// A file of spend, and how to read it.
    pub struct ImportFundTransfersRequest {
        /// CSV in UTF-8, up to 1 MiB and 2,000 rows, with the names of the columns in its first
        /// row. A `text/csv` body is the file itself; the other fields are then query parameters.
        pub file: Text<MAX_FILE_BYTES>,
        /// The ad account of all rows. Without it, a column names the account of each row, by name
        /// or id.
        pub account_id: Nullable<Id>,
        /// `,`, `;` or `tab`. By default it is found from the first row.
        pub separator: Separator,
        /// Decimal separator, `.` or `,`. Needed only for amounts that are ambiguous without it.
        pub decimal: DecimalSign,
        /// Name of this column, if it is not a common one.
        pub date_column: ColumnName,
        /// Name of this column, if it is not a common one.
        pub amount_column: ColumnName,
        /// Name of this column, if it is not a common one.
        pub reference_column: ColumnName,
        /// Name of this column, if it is not a common one.
        pub account_column: ColumnName,
        /// Name of this column, if it is not a common one.
        pub currency_column: ColumnName,
    }
}

/// Describes all fields but the file.
impl IntoParams for ImportFundTransfersRequest {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let RefOr::T(Schema::Object(object)) = Self::schema() else { return Vec::new() };
        let fields = object.properties.into_iter().filter(|(name, _)| name != "file");
        let parameters = fields.map(|(name, mut schema)| {
            let about = match &mut schema {
                RefOr::T(Schema::Object(field)) => field.description.take().unwrap_or_default(),
                _ => String::new(),
            };
            describe(&name, &[&about], schema)
        });
        parameters.collect()
    }
}

/// The sign between two cells. `None` finds it from the first row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Separator(Option<u8>);

impl Field for Separator {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(match fields.choice(name, &["", ",", ";", "tab"]) {
            "" => None,
            "tab" => Some(b'\t'),
            sign => sign.bytes().next(),
        }))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// The decimal separator. `None` finds it from each amount.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecimalSign(Option<char>);

impl Field for DecimalSign {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.choice(name, &["", ".", ","]).chars().next()))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// Cells of a row. A missing cell is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetRow {
    /// Number of the row as in a spreadsheet: the names of the columns are row 1.
    pub row: usize,
    pub date: String,
    pub amount: String,
    pub reference: String,
    pub account: String,
    pub currency: String,
}

/// Rows of a file, and how to read their amounts.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub rows: Vec<SheetRow>,
    /// The account of all rows, if the client named one.
    pub account_id: Option<i64>,
    pub decimal: Option<char>,
}

/// Reads the file as the request describes it. Errors go to `errors`.
pub fn read(request: &ImportFundTransfersRequest, errors: &mut Errors) -> Option<Sheet> {
    errors.ok()?;
    let columns = [
        &request.date_column,
        &request.amount_column,
        &request.reference_column,
        &request.account_column,
        &request.currency_column,
    ];
    let columns = columns.map(|name| name.0.clone());
    let account_id = request.account_id.0.map(|id| id.0);
    let text = request.file.trim_start_matches('\u{feff}');
    match rows(text, request.separator.0, &columns, account_id.is_none()) {
        Ok(rows) => Some(Sheet { rows, account_id, decimal: request.decimal.0 }),
        Err(found) => {
            for (name, messages) in found {
                for message in messages {
                    errors.fail(&name, message);
                }
            }
            None
        }
    }
}

fn rows(
    text: &str,
    separator: Option<u8>,
    columns: &[String; 5],
    needs_account: bool,
) -> Result<Vec<SheetRow>, FieldErrors> {
    let wrong = |name: &str, message: String| FieldErrors::from([(name.to_owned(), vec![message])]);
    if text.contains('\u{fffd}') {
        return Err(wrong("file", "The file is not UTF-8.".to_owned()));
    }
    let first = text.lines().next().unwrap_or_default();
    let delimiter = separator.unwrap_or_else(|| likeliest(first));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| wrong("file", format!("The file cannot be read: {error}."));
    let names: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(str::to_lowercase).collect();
    let places = places(&names, columns, needs_account)?;
    let mut found = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(unreadable)?;
        if found.len() == MAX_ROWS {
            return Err(wrong("file", format!("The file has more than {MAX_ROWS} rows.")));
        }
        let cell = |role: usize| {
            let place: Option<usize> = places[role];
            place.and_then(|place| record.get(place)).unwrap_or_default().to_owned()
        };
        let row = SheetRow {
            row: index + 2,
            date: cell(0),
            amount: cell(1),
            reference: cell(2),
            account: cell(3),
            currency: cell(4),
        };
        found.push(row);
    }
    if found.is_empty() {
        return Err(wrong("file", "The file has no rows.".to_owned()));
    }
    Ok(found)
}

/// Returns the separator that occurs most often in the first row.
fn likeliest(first: &str) -> u8 {
    let count = |separator: u8| first.bytes().filter(|byte| *byte == separator).count();
    [b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// Returns the position of the column of each role.
fn places(
    names: &[String],
    columns: &[String; 5],
    needs_account: bool,
) -> Result<[Option<usize>; 5], FieldErrors> {
    let mut errors = FieldErrors::new();
    let mut found = [None; 5];
    for (index, ((role, known), asked)) in ROLES.iter().zip(columns).enumerate() {
        let asked = asked.to_lowercase();
        found[index] = names
            .iter()
            .position(|name| if asked.is_empty() { known.contains(&name.as_str()) } else { *name == asked });
        let is_needed = index < 2 || (*role == "account" && needs_account) || !asked.is_empty();
        if found[index].is_none() && is_needed {
            let message = format!("The file has no such column. It has: {}.", names.join(", "));
            errors.insert(format!("{role}_column"), vec![message.chars().take(300).collect()]);
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_rows(text: &str) -> Result<Vec<SheetRow>, FieldErrors> {
        rows(text, None, &Default::default(), false)
    }

    #[test]
    fn separators_and_names_are_found() {
        for text in [
            "Day,Spend,Id\n2026-11-01,5,a\n",
            "day;spend;id\r\n2026-11-01;5;a",
            "DAY\tCost\tID\n2026-11-01\t5\ta",
        ] {
            let rows = read_rows(text).unwrap();
            assert_eq!((rows[0].date.as_str(), rows[0].amount.as_str(), rows[0].row), ("2026-11-01", "5", 2));
            assert_eq!(rows[0].reference, "a");
        }
        let rows = read_rows("date,amount\n2026-11-01,\"1,50\"\n2026-11-02\n").unwrap();
        assert_eq!((rows[0].amount.as_str(), rows[1].amount.as_str()), ("1,50", ""));
    }

    #[test]
    fn what_is_no_sheet_is_said() {
        assert!(read_rows("a,b\n1,2\n").unwrap_err().contains_key("date_column"));
        assert!(read_rows("date,amount\n").unwrap_err().contains_key("file"));
        assert!(read_rows("date,amount\n\u{fffd},1\n").unwrap_err().contains_key("file"));
        let long = format!("date,amount\n{}", "2026-11-01,1\n".repeat(MAX_ROWS + 1));
        assert!(read_rows(&long).unwrap_err()["file"][0].contains("more than"));
    }
}
