//! Names of things by id, also of those that are archived.

use sqlx::PgPool;

/// A kind of things to which ids refer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refers {
    User,
    Team,
    Campaign,
    Source,
    Partner,
    Account,
}

impl Refers {
    const ALL: [Self; 6] =
        [Self::User, Self::Team, Self::Campaign, Self::Source, Self::Partner, Self::Account];

    /// Returns the path of the kind in addresses of pages and of the API.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Team => "teams",
            Self::Campaign => "campaigns",
            Self::Source => "sources",
            Self::Partner => "partners",
            Self::Account => "funds/accounts",
        }
    }

    /// Returns the kind with this path.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refers| refers.path() == path)
    }
}

/// An id and its name.
struct NamedRow {
    id: i64,
    name: String,
}

/// Returns the names of the things with these ids.
pub async fn of(pool: &PgPool, refers: Refers, ids: &[i64]) -> sqlx::Result<Vec<(i64, String)>> {
    macro_rules! named {
        ($sql:literal) => {
            sqlx::query_as!(NamedRow, $sql, ids).fetch_all(pool).await?
        };
    }
    let rows = match refers {
        Refers::User => named!("SELECT id, username AS name FROM users WHERE id = ANY($1)"),
        Refers::Team => named!("SELECT id, name FROM teams WHERE id = ANY($1)"),
        Refers::Campaign => named!("SELECT id, name FROM campaigns WHERE id = ANY($1)"),
        Refers::Source => named!("SELECT id, name FROM sources WHERE id = ANY($1)"),
        Refers::Partner => named!("SELECT id, name FROM partners WHERE id = ANY($1)"),
        Refers::Account => named!("SELECT id, name FROM fund_accounts WHERE id = ANY($1)"),
    };
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
