//! Users' images in Postgres, as this service encoded them.

use sqlx::{PgConnection, PgPool};

use crate::db::users::Visible;

/// An image.
#[derive(Debug)]
pub struct ImageRow {
    pub content_type: String,
    pub content: Vec<u8>,
    /// The SHA-256 of the content in hexadecimal digits.
    pub etag: String,
}

pub async fn set(connection: &mut PgConnection, user_id: i64, image: &ImageRow) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO user_images (user_id, content_type, content, etag) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET content_type = $2, content = $3, etag = $4",
        user_id,
        image.content_type,
        image.content,
        image.etag,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a user's image. Returns whether there was one.
pub async fn remove(connection: &mut PgConnection, user_id: i64) -> sqlx::Result<bool> {
    let removed =
        sqlx::query!("DELETE FROM user_images WHERE user_id = $1", user_id).execute(connection).await?;
    Ok(removed.rows_affected() > 0)
}

/// Finds the image of a user whom the viewer may see.
pub async fn find(pool: &PgPool, user_id: i64, visible: Visible) -> sqlx::Result<Option<ImageRow>> {
    if crate::db::users::find(pool, user_id, visible).await?.is_none_or(|row| !row.has_image) {
        return Ok(None);
    }
    sqlx::query_as!(
        ImageRow,
        "SELECT content_type, content, etag FROM user_images WHERE user_id = $1",
        user_id
    )
    .fetch_optional(pool)
    .await
}
