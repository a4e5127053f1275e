//! The payout of an order: its own, else that of its campaign at its time. Pure.

use sluice_schemas::rows::Micros;

use crate::directory::Payout;

/// The payout and its currency. An amount keeps its currency: the payout of a campaign is in the
/// campaign's currency whatever the order names, and an amount without a currency is taken to be in
/// the campaign's.
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
