//! Images of users: which are accepted, what is served, and to whom.

use std::io::Cursor;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH};
use image::{DynamicImage, ImageFormat};
use serde_json::Value;
use sluice_api::policy::Position;

use crate::world::{Answer, Person, World};

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    DynamicImage::new_rgb8(width, height).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

async fn put(world: &World, person: &Person, content_type: &str, body: impl Into<Body>) -> Answer {
    let request = Request::put("/api/account/image/")
        .header(AUTHORIZATION, format!("Bearer {}", person.token))
        .header(CONTENT_TYPE, content_type);
    world.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn an_image_is_shrunk_and_served_within_the_scope() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    let bob = world.person("bob", Position::Buyer).await;
    assert_eq!(world.get_as("/api/account/image/", &ann).await.status, 404);
    assert_eq!(put(&world, &ann, "image/png", png(1000, 500)).await.line(), "204 ");
    let path = format!("/api/users/{}/image/", ann.id);
    let served = world.get_as(&path, &owner).await;
    assert_eq!((served.status, served.header("content-type")), (200, "image/jpeg"));
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    assert_eq!(served.header("cache-control"), "private, no-cache");
    let again = Request::get("/api/account/image/")
        .header(AUTHORIZATION, format!("Bearer {}", ann.token))
        .header(IF_NONE_MATCH, served.header("etag"));
    assert_eq!(world.send(again.body(Body::empty()).unwrap()).await.line(), "304 ");
    assert_eq!(world.get_as(&path, &bob).await.status, 404);
    assert_eq!(world.get(&path).await.status, 401);
    assert_eq!(world.get_as("/api/account/", &ann).await.json()["image"], path);

    let mut form = b"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n".to_vec();
    form.extend_from_slice(&png(8, 8));
    form.extend_from_slice(b"\r\n--b--\r\n");
    assert_eq!(put(&world, &ann, "multipart/form-data; boundary=b", form).await.status, 204);
    assert_ne!(world.get_as(&path, &owner).await.header("etag"), served.header("etag"));

    assert_eq!(world.ask("DELETE", "/api/account/image/", &Value::Null, &ann).await.status, 204);
    assert_eq!(world.ask("DELETE", "/api/account/image/", &Value::Null, &ann).await.status, 404);
    assert_eq!(world.get_as(&path, &owner).await.status, 404);
    let trail = world.trail("users", ann.id).await;
    assert!(trail[0].starts_with("ann set-image - {"), "{trail:?}");
    assert_eq!(trail[2], "ann delete-image - -");
}

#[tokio::test]
async fn invalid_and_large_images_are_refused() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let whole = png(64, 64);
    // The header claims 60,000 × 60,000 pixels.
    let mut bomb = whole.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    for body in
        [Vec::new(), b"not an image".to_vec(), b"<svg/>".to_vec(), whole[..40].to_vec(), bomb, png(8193, 1)]
    {
        let answer = put(&world, &ann, "image/png", body).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text, @r#"{"image":["Upload a valid image: a PNG, JPEG or WebP of at most 8192 x 8192 pixels."]}"#);
        }
    }
    let large = put(&world, &ann, "image/png", vec![0; 2 * 1024 * 1024 + 1]).await;
    insta::assert_snapshot!(large.line(), @r#"413 {"detail":"The request is larger than 2048 KiB."}"#);
    let svg = put(&world, &ann, "image/svg+xml", "<svg/>").await;
    insta::assert_snapshot!(svg.line(), @r#"415 {"detail":"Unsupported media type \"image/svg+xml\" in request."}"#);
    let empty = put(&world, &ann, "multipart/form-data; boundary=b", "--b--\r\n").await;
    insta::assert_snapshot!(empty.line(), @r#"400 {"image":["No file was submitted."]}"#);
    assert_eq!(put(&world, &ann, "multipart/form-data", "x").await.status, 400);
    assert_eq!(world.get_as("/api/account/image/", &ann).await.status, 404);
}
