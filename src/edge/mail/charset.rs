//! Character sets: the platform knows all that the web knows.

/// Text out of bytes in a named character set; nothing where the platform does not know it.
pub fn decode(charset: &str, bytes: &[u8]) -> Option<String> {
    let decoder = web_sys::TextDecoder::new_with_label(charset).ok()?;
    decoder.decode_with_u8_array(bytes).ok()
}
