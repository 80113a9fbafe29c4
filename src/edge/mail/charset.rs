//! Character sets: the platform knows all that browsers know.

/// Decodes bytes in a named character set. `None` if the platform does not know it.
pub fn decode(charset: &str, bytes: &[u8]) -> Option<String> {
    let decoder = web_sys::TextDecoder::new_with_label(charset).ok()?;
    decoder.decode_with_u8_array(bytes).ok()
}
