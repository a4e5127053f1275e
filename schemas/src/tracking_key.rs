//! The public tracking key of a campaign: 15 random characters and a check character, for example
//! `7qk2m9xw4tbvhr32`.
//!
//! The alphabet has 31 characters (digits and letters without `0 1 i l o`). 31 is a prime, so the
//! weighted sum modulo 31 detects every single mistyped character and every exchange of two
//! characters. 74 random bits cannot be guessed. A key is lower case. Upper case is accepted and
//! folded.

use rand::RngExt as _;

/// The length of a key in characters, including the check character.
pub const LEN: usize = 16;

const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
const MODULUS: u32 = 31;
const NO_DIGIT: u8 = 0xff;

/// The value of each byte as a digit, [`NO_DIGIT`] for bytes outside the alphabet.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        digits[ALPHABET[value] as usize] = value as u8;
        digits[ALPHABET[value].to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    digits
};

/// Makes a new key from the secure random generator of the thread.
#[must_use]
pub fn generate() -> String {
    let mut rng = rand::rng();
    let digits: [u8; LEN - 1] = std::array::from_fn(|_| rng.random_range(0..MODULUS as u8));
    with_check(digits)
}

fn with_check(digits: [u8; LEN - 1]) -> String {
    let sum: u32 = digits.iter().zip(1..).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    // The check character has weight 16, so that the whole sum is 0 modulo 31 (16 * 2 = 32 = 1 mod
    // 31).
    let check = (MODULUS - sum % MODULUS) * 2 % MODULUS;
    let mut key: String = digits.iter().map(|digit| char::from(ALPHABET[usize::from(*digit)])).collect();
    key.push(char::from(ALPHABET[check as usize]));
    key
}

/// Returns whether these bytes have the form of a key: length, alphabet and check character. Does
/// not check whether the key exists.
#[must_use]
pub fn is_well_formed(key: &[u8]) -> bool {
    if key.len() != LEN {
        return false;
    }
    let mut sum = 0;
    for (byte, weight) in key.iter().zip(1_u32..) {
        let digit = DIGITS[usize::from(*byte)];
        if digit == NO_DIGIT {
            return false;
        }
        sum += u32::from(digit) * weight;
    }
    sum % MODULUS == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_made_key_is_well_formed_and_so_is_its_upper_case() {
        for _ in 0..1000 {
            let key = generate();
            assert!(is_well_formed(key.as_bytes()), "{key}");
            assert!(is_well_formed(key.to_uppercase().as_bytes()), "{key}");
        }
    }

    #[test]
    fn the_example_of_the_documents_is_well_formed() {
        assert!(is_well_formed(b"7qk2m9xw4tbvhr32"));
    }

    #[test]
    fn every_single_mistyped_character_is_caught() {
        let key = generate().into_bytes();
        for position in 0..LEN {
            for other in ALPHABET.iter().filter(|other| **other != key[position]) {
                let mut mistyped = key.clone();
                mistyped[position] = *other;
                assert!(!is_well_formed(&mistyped));
            }
        }
    }

    #[test]
    fn every_exchange_of_two_characters_is_caught() {
        let key = generate().into_bytes();
        for left in 0..LEN {
            for right in left + 1..LEN {
                let mut exchanged = key.clone();
                exchanged.swap(left, right);
                assert_eq!(is_well_formed(&exchanged), key[left] == key[right]);
            }
        }
    }

    #[test]
    fn other_lengths_and_other_alphabets_are_refused() {
        let key = generate();
        for wrong in ["", &key[..15], &format!("{key}2"), "0000000000000000", "{{campaign.key}}"] {
            assert!(!is_well_formed(wrong.as_bytes()), "{wrong}");
        }
    }
}
