//! People in Postgres. `login.rs` has the queries of logins and requests, `list.rs` those of lists
//! and details, `change.rs` the edits.
//!
//! A removed user is archived. Only the names of `db/names.rs` still find it, for pages.

mod change;
mod list;
mod login;
mod username;

pub use self::change::{UserEdit, archive, replace_password, restore, set_password, update};
pub use self::list::{SORTING, UserFilter, UserRow, Visible, find, list};
pub use self::login::{
    LAST_OWNER, LoginRow, NewUser, USERNAME_UNIQUE, ViewerState, exists, find_login, find_viewer,
    has_second_factor, insert, is_credential_valid, lock_exclusive, lock_login_shared, lock_shared,
    touch_last_login,
};
pub use self::username::{former_key, refold, username_key};
