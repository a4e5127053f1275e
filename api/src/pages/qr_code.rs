//! QR codes as inline SVG. The server draws them, so that no secret goes to another service.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

use crate::http::error::ApiError;

/// The width of the white border in modules, as the standard asks.
const BORDER: usize = 4;

/// Draws a text. The SVG consists of digits and letters of its own, so it is safe in a page.
///
/// # Errors
/// 500 if the text is too long for a QR code.
pub fn svg(text: &str) -> Result<String, ApiError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    let code = code.map_err(|error| ApiError::internal(&error))?;
    let (width, side) = (code.width(), code.width() + 2 * BORDER);
    let mut path = String::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (index % width + BORDER, index / width + BORDER);
            // Writing to a string does not fail.
            write!(path, "M{x} {y}h1v1h-1z").ok();
        }
    }
    Ok(format!(
        "<svg class=\"qr-code\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"220\" \
         height=\"220\" role=\"img\" aria-label=\"QR code with the secret\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_squares_within_a_border() {
        let svg = svg("otpauth://totp/Sluice:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        // The top left corner of the first finder pattern.
        assert!(svg.contains("d=\"M4 4h1v1h-1z") && !svg.contains("style"), "{svg}");
        assert!(super::svg(&"x".repeat(8000)).is_err());
    }
}
