//! Finds the type of a statement. Has enough of ClickHouse's lexer to skip strings, quoted names,
//! comments and brackets, and to find the keywords that decide. Pure. The engine decides whether
//! the text is valid.
//!
//! The rows of `INSERT … FORMAT Name` and `INSERT … VALUES` begin in the text of the statement and
//! continue in the body of the request. The engine needs the format separately from the text, so
//! the text is cut before that word.

/// The way in which a statement must be run.
#[derive(Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// An INSERT whose rows are data: its text without the format, the format, and the position of
    /// the data.
    InsertData {
        /// The end of the text of the INSERT, before the format.
        sql_end: usize,
        /// The name of the format.
        format: String,
        /// The offset of the first byte of data in the text, or the end of the text.
        data_start: usize,
    },
    /// A SELECT whose result can be streamed.
    Stream,
    /// Anything else: its result is sent when it is complete.
    Whole,
}

/// A parsed statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    pub kind: StatementKind,
    /// The output format that the text itself names.
    pub format: Option<String>,
    /// Whether a second statement follows after a semicolon. ClickHouse's HTTP interface refuses
    /// that.
    pub is_multiple: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Semicolon,
    Other,
}

/// Iterates over the tokens at bracket depth 0.
struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn skip_blank(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") || trimmed.starts_with("# ") || trimmed.starts_with("#!") {
                self.at += trimmed.find('\n').map_or(trimmed.len(), |end| end + 1);
            } else if trimmed.starts_with("/*") {
                self.at += trimmed.find("*/").map_or(trimmed.len(), |end| end + 2);
            } else {
                return;
            }
        }
    }

    fn skip_quoted(&mut self, quote: u8) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while self.at < bytes.len() {
            match bytes[self.at] {
                b'\\' => self.at += 2,
                byte if byte == quote => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = bytes.len();
    }

    fn skip_brackets(&mut self) {
        let mut depth = 0_usize;
        loop {
            self.skip_blank();
            match self.text.as_bytes().get(self.at) {
                None => return,
                Some(b'(' | b'[' | b'{') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b')' | b']' | b'}') => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                    if depth == 0 {
                        return;
                    }
                }
                Some(&quote @ (b'\'' | b'"' | b'`')) => self.skip_quoted(quote),
                Some(_) => self.skip_char(),
            }
        }
    }

    fn skip_char(&mut self) {
        self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
    }

    fn next(&mut self) -> Option<(usize, Token<'a>)> {
        self.skip_blank();
        let start = self.at;
        let token = match *self.text.as_bytes().get(start)? {
            b'(' | b'[' | b'{' => {
                self.skip_brackets();
                Token::Other
            }
            quote @ (b'\'' | b'"' | b'`') => {
                self.skip_quoted(quote);
                Token::Other
            }
            b';' => {
                self.at += 1;
                Token::Semicolon
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let rest = &self.text[start..];
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                self.at += end;
                Token::Word(&rest[..end])
            }
            _ => {
                self.skip_char();
                Token::Other
            }
        };
        Some((start, token))
    }
}

fn is_word(token: Token<'_>, word: &str) -> bool {
    matches!(token, Token::Word(text) if text.eq_ignore_ascii_case(word))
}

/// Returns whether the output of a format is a plain sequence of rows, which the engine streams
/// correctly. Other formats would be wrong in chunks: JSON because of its totals and counts, and
/// all formats with a header, because every chunk would repeat it.
fn can_stream(format: &str) -> bool {
    const PREFIXES: [&str; 7] =
        ["TabSeparated", "TSV", "CSV", "JSONEachRow", "JSONCompactEachRow", "RowBinary", "Native"];
    PREFIXES.iter().any(|prefix| format.starts_with(prefix))
        && !format.contains("Progress")
        && !format.contains("WithNames")
}

impl Statement {
    /// Parses a statement. `default_format` is used if the text names none.
    pub fn parse(text: &str, default_format: &str) -> Self {
        let mut lexer = Lexer { text, at: 0 };
        let first = loop {
            match lexer.next() {
                Some((_, Token::Word(word))) => break word,
                Some((_, Token::Other)) => {}
                Some((_, Token::Semicolon)) | None => break "",
            }
        };
        if first.eq_ignore_ascii_case("INSERT")
            && let Some(kind) = insert_kind(text, &mut lexer)
        {
            return Self { kind, format: None, is_multiple: false };
        }
        rest(lexer, first, default_format)
    }
}

/// Parses the text after INSERT: the format of the data, or nothing if the rows come from a SELECT.
fn insert_kind(text: &str, lexer: &mut Lexer<'_>) -> Option<StatementKind> {
    let mut previous = Token::Other;
    // `INTO [TABLE] [FUNCTION] name`: a table may be named like a keyword only if it is quoted.
    while let Some((start, token)) = lexer.next() {
        if is_word(token, "SELECT") || is_word(token, "WITH") || is_word(token, "FROM") {
            return None;
        }
        if is_word(token, "VALUES") {
            return Some(StatementKind::InsertData {
                sql_end: start,
                format: "Values".into(),
                data_start: lexer.at,
            });
        }
        if is_word(token, "FORMAT")
            && !is_word(previous, "INTO")
            && let Some((_, Token::Word(format))) = lexer.next()
        {
            let data_start = after_line_end(text, lexer.at);
            return Some(StatementKind::InsertData { sql_end: start, format: format.into(), data_start });
        }
        if token == Token::Semicolon {
            return Some(StatementKind::InsertData {
                sql_end: start,
                format: "Values".into(),
                data_start: text.len(),
            });
        }
        // `INSERT INTO t (SELECT …)`: the brackets contain a list of columns or a query.
        if text[start..].starts_with('(') && starts_with_select(&text[start + 1..]) {
            return None;
        }
        previous = token;
    }
    Some(StatementKind::InsertData { sql_end: text.len(), format: "Values".into(), data_start: text.len() })
}

fn starts_with_select(text: &str) -> bool {
    let mut lexer = Lexer { text, at: 0 };
    matches!(lexer.next(), Some((_, token)) if is_word(token, "SELECT") || is_word(token, "WITH"))
}

/// Data begins after the blanks and one line end that follow the name of the format.
fn after_line_end(text: &str, from: usize) -> usize {
    let rest = text[from..].trim_start_matches([' ', '\t', ';']);
    let rest = rest.strip_prefix('\r').unwrap_or(rest);
    text.len() - rest.strip_prefix('\n').unwrap_or(rest).len()
}

fn rest(mut lexer: Lexer<'_>, first: &str, default_format: &str) -> Statement {
    let mut format = None;
    let mut is_multiple = false;
    let mut has_totals = false;
    let mut ended = false;
    while let Some((_, token)) = lexer.next() {
        if ended && token != Token::Semicolon {
            is_multiple = true;
        }
        ended |= token == Token::Semicolon;
        has_totals |= is_word(token, "TOTALS") || is_word(token, "extremes");
        if is_word(token, "FORMAT") {
            let mark = lexer.at;
            match lexer.next() {
                Some((_, Token::Word(name))) => format = Some(name.to_owned()),
                _ => lexer.at = mark,
            }
        }
    }
    let selects = ["SELECT", "WITH", "FROM"].iter().any(|word| first.eq_ignore_ascii_case(word));
    let streams = selects && !has_totals && can_stream(format.as_deref().unwrap_or(default_format));
    Statement {
        kind: if streams { StatementKind::Stream } else { StatementKind::Whole },
        format,
        is_multiple,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(text: &str) -> (String, String, String) {
        match Statement::parse(text, "TabSeparated").kind {
            StatementKind::InsertData { sql_end, format, data_start } => {
                (text[..sql_end].trim().to_owned(), format, text[data_start..].to_owned())
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn cuts_an_insert_before_its_format() {
        let cut = |sql: &str, format: &str, data: &str| (sql.into(), format.into(), data.into());
        assert_eq!(
            insert("INSERT INTO `format`(a, b) FORMAT RowBinary"),
            cut("INSERT INTO `format`(a, b)", "RowBinary", "")
        );
        assert_eq!(
            insert("insert into d.t settings async_insert=0 format CSV\r\n1,'x;y'"),
            cut("insert into d.t settings async_insert=0", "CSV", "1,'x;y'")
        );
        assert_eq!(insert("INSERT INTO t VALUES (1, 'a')"), cut("INSERT INTO t", "Values", " (1, 'a')"));
        assert_eq!(insert("/* why */ INSERT INTO t"), cut("/* why */ INSERT INTO t", "Values", ""));
    }

    #[test]
    fn an_insert_from_a_select_has_no_data() {
        for text in
            ["INSERT INTO t SELECT 1", "INSERT INTO t (a) WITH 1 AS x SELECT x", "INSERT INTO t (SELECT 1)"]
        {
            assert_eq!(Statement::parse(text, "TSV").kind, StatementKind::Whole, "{text}");
        }
    }

    #[test]
    fn streams_rows_and_makes_the_rest_whole() {
        assert_eq!(Statement::parse("SELECT 'format JSON'", "TabSeparated").kind, StatementKind::Stream);
        assert_eq!(Statement::parse("(SELECT 1)", "TabSeparated").kind, StatementKind::Whole);
        let json = Statement::parse("select 1 format JSON settings max_threads=1", "TabSeparated");
        assert_eq!((json.kind, json.format.as_deref()), (StatementKind::Whole, Some("JSON")));
        assert_eq!(Statement::parse("SELECT sum(1) WITH TOTALS", "CSV").kind, StatementKind::Whole);
        assert_eq!(Statement::parse("SELECT 1", "RowBinaryWithNamesAndTypes").kind, StatementKind::Whole);
        assert_eq!(Statement::parse("SHOW TABLES", "CSV").kind, StatementKind::Whole);
    }

    #[test]
    fn finds_a_second_statement() {
        assert!(!Statement::parse("SELECT 1; -- done", "CSV").is_multiple);
        assert!(Statement::parse("SELECT 1; SELECT 2", "CSV").is_multiple);
        assert!(!Statement::parse("SELECT ';', \"a;b\"", "CSV").is_multiple);
    }
}
