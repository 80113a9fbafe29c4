//! Filters of the list of tickets by custom fields.

use crate::app::call::Call;
use crate::desk::tools::custom_field::PREFIX;
use crate::http::error::Error;
use crate::store::tickets::list::filter::TicketFilter;

/// The filters by custom fields, `custom.<key>=<value>`. A field that the caller does not see is unknown.
pub(in crate::api) async fn custom_filters(
    call: &Call<'_>,
    pairs: &[(&str, &str)],
) -> Result<Vec<TicketFilter>, Error> {
    let asked: Vec<(&str, &str)> = pairs
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, *value)))
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    call.load_rules().await?;
    let (fields, role) = (call.ticket_settings().custom_fields, call.my_role()?);
    let (mut filters, mut errors) = (Vec::new(), Vec::new());
    for (key, value) in asked {
        let field = fields.find(key, role).map_err(str::to_owned);
        match field.and_then(|field| field.facet_of_text(value)) {
            Ok(facet) => filters.push(TicketFilter::Custom(facet)),
            Err(message) => errors.push((format!("{PREFIX}{key}"), message)),
        }
    }
    if errors.is_empty() {
        Ok(filters)
    } else {
        Err(Error::Invalid(errors))
    }
}
