//! Converts an uploaded image: detects the type from the content, decodes it within limits, scales
//! it down and encodes it again, so that only the pixels of the upload are ever served.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use sha2::{Digest as _, Sha256};

use crate::db::images::ImageRow;

/// The largest upload.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// The longest side of an image that is decoded.
pub const MAX_SIDE: u32 = 8192;
/// The maximum memory for decoding. A small file can claim to be a large image.
const MAX_DECODED_BYTES: u64 = 96 * 1024 * 1024;
/// The longest side of a stored image.
const SIDE: u32 = 256;
const JPEG_QUALITY: u8 = 85;

/// Converts an upload to the stored image; `None` if it is not an image or too large.
#[must_use]
pub fn prepare(upload: &[u8]) -> Option<ImageRow> {
    let format = image::guess_format(upload).ok()?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
        return None;
    }
    let mut image = decode(upload, format)?;
    if image.width() > SIDE || image.height() > SIDE {
        image = image.thumbnail(SIDE, SIDE);
    }
    let mut content = Vec::new();
    let content_type = if image.color().has_alpha() {
        let image = DynamicImage::from(image.into_rgba8());
        image.write_to(&mut Cursor::new(&mut content), ImageFormat::Png).ok()?;
        "image/png"
    } else {
        JpegEncoder::new_with_quality(&mut content, JPEG_QUALITY).encode_image(&image.into_rgb8()).ok()?;
        "image/jpeg"
    };
    let etag = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(ImageRow { content_type: content_type.to_owned(), content, etag })
}

fn decode(upload: &[u8], format: ImageFormat) -> Option<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return None;
    }
    // The orientation is metadata, which is not stored.
    let orientation = decoder.orientation().ok()?;
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    #[test]
    fn each_format_becomes_a_small_image_of_the_same_shape() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let kept = prepare(&encoded(&DynamicImage::new_rgb8(1024, 512), format)).unwrap();
            assert_eq!(kept.content_type, "image/jpeg");
            let image = image::load_from_memory(&kept.content).unwrap();
            assert_eq!((image.width(), image.height()), (256, 128), "{format:?}");
        }
        let kept = prepare(&encoded(&DynamicImage::new_rgba8(8, 4), ImageFormat::Png)).unwrap();
        let image = image::load_from_memory(&kept.content).unwrap();
        assert_eq!((kept.content_type.as_str(), image.width(), kept.etag.len()), ("image/png", 8, 64));
    }

    #[test]
    fn other_files_and_large_images_are_refused() {
        let png = encoded(&DynamicImage::new_rgb8(64, 64), ImageFormat::Png);
        for upload in [
            &b""[..],
            b"GIF89a",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            &png[..png.len() / 2],
            &png[..20],
        ] {
            assert!(prepare(upload).is_none());
        }
        // A side that is too long, and an area that would take 256 MiB.
        assert!(prepare(&encoded(&DynamicImage::new_luma8(MAX_SIDE + 1, 1), ImageFormat::Png)).is_none());
        let mut bomb = png.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0x20, 0, 0, 0, 0x20, 0]);
        assert!(prepare(&bomb).is_none());
    }
}
