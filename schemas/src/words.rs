//! The words of an enum that is stored as words.

/// Defines `WORDS` beside `ALL` and `as_str` of an enum.
macro_rules! words {
    () => {
        /// The words of [`Self::ALL`].
        pub const WORDS: [&'static str; Self::ALL.len()] = {
            let mut words = [""; Self::ALL.len()];
            let mut index = 0;
            while index < words.len() {
                words[index] = Self::ALL[index].as_str();
                index += 1;
            }
            words
        };
    };
}

pub(crate) use words;
