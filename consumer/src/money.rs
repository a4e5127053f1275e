//! What an order brings: what it says, else what its campaign's orders brought at its time. Pure.

use sluice_schemas::rows::Micros;

use crate::directory::Payout;

/// The payout and its currency. An amount goes with the currency that it was given in: a campaign's payout is in the
/// campaign's, whatever the order says, and an amount that came without one is taken for one in the campaign's.
#[must_use]
pub fn payout_of(said: Option<Micros>, currency: String, campaign: Option<&Payout>) -> (Micros, String) {
    let by_default = campaign.and_then(|payout| Some((payout.micros?, payout.currency.clone())));
    match (said, by_default) {
        (None, Some(by_default)) => by_default,
        (said, _) if currency.is_empty() => {
            (said.unwrap_or(0), campaign.map(|payout| payout.currency.clone()).unwrap_or_default())
        }
        (said, _) => (said.unwrap_or(0), currency),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_keeps_its_currency() {
        let campaign = |micros| Some(Payout { micros, currency: "EUR".to_owned() });
        for (said, currency, campaign, expected) in [
            (Some(5), "USD", campaign(Some(7)), (5, "USD")),
            (Some(5), "", campaign(Some(7)), (5, "EUR")),
            (Some(0), "", campaign(Some(7)), (0, "EUR")),
            (Some(5), "", campaign(None), (5, "EUR")),
            (Some(5), "", None, (5, "")),
            (None, "", campaign(Some(7)), (7, "EUR")),
            (None, "USD", campaign(Some(7)), (7, "EUR")),
            (None, "USD", campaign(None), (0, "USD")),
            (None, "", campaign(None), (0, "EUR")),
            (None, "USD", None, (0, "USD")),
            (None, "", None, (0, "")),
        ] {
            let found = payout_of(said, currency.to_owned(), campaign.as_ref());
            assert_eq!(found, (expected.0, expected.1.to_owned()), "{said:?} {currency} {campaign:?}");
        }
    }
}
