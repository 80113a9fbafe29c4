//! Normalization forms: the platform has Unicode's tables.

use crate::desk::fold::normal_form::Form;

/// Brings a text into a form.
pub fn normalize(text: &str, form: Form) -> String {
    js_sys::JsString::from(text).normalize(form.as_str()).into()
}
