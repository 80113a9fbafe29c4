//! The numbers of RSA keys, read from DER: SubjectPublicKeyInfo (RFC 5280) and PKCS#8 (RFC 5208), both around the
//! structures of PKCS#1 (RFC 8017, appendix A.1).

/// Tags of DER values.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The contents of an AlgorithmIdentifier: the object id `rsaEncryption` and NULL.
const RSA_ENCRYPTION: [u8; 13] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// How many numbers follow the version in a private key of two primes: modulus, both exponents, the primes, and three
/// for the Chinese remainder theorem.
const PRIVATE_NUMBERS: usize = 8;

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerError {
    /// It is not an RSA key, or no key at all.
    NotRsa,
    /// It is an RSA key whose structure is wrong.
    Broken,
}

/// The numbers of a public key, big-endian without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicNumbers {
    pub modulus: Vec<u8>,
    pub exponent: Vec<u8>,
}

/// Reads a public key (SubjectPublicKeyInfo).
///
/// # Errors
/// Why it cannot be used.
pub fn parse_public(der: &[u8]) -> Result<PublicNumbers, DerError> {
    let (info, []) = read(der, SEQUENCE).ok_or(DerError::NotRsa)? else {
        return Err(DerError::NotRsa);
    };
    let key = read_algorithm(info)?;
    let numbers = || {
        let (bits, []) = read(key, BIT_STRING)? else {
            return None;
        };
        // The first byte is the number of bits that are not used in the last one.
        let (sequence, []) = read(bits.strip_prefix(&[0])?, SEQUENCE)? else {
            return None;
        };
        let (modulus, rest) = read_positive(sequence)?;
        let (exponent, []) = read_positive(rest)? else {
            return None;
        };
        Some(PublicNumbers::new(modulus, exponent))
    };
    numbers().ok_or(DerError::Broken)
}

/// Reads the public numbers of a private key (PKCS#8, unencrypted).
///
/// # Errors
/// Why it cannot be used.
pub fn parse_private(der: &[u8]) -> Result<PublicNumbers, DerError> {
    let (info, []) = read(der, SEQUENCE).ok_or(DerError::NotRsa)? else {
        return Err(DerError::NotRsa);
    };
    let (_version, info) = read(info, INTEGER).ok_or(DerError::NotRsa)?;
    let key = read_algorithm(info)?;
    let numbers = || {
        // What may follow are attributes, which say nothing about the key.
        let (key, _attributes) = read(key, OCTET_STRING)?;
        let (sequence, []) = read(key, SEQUENCE)? else {
            return None;
        };
        // Version 0 is a key of two primes. WebCrypto takes no others.
        let ([0], mut rest) = read(sequence, INTEGER)? else {
            return None;
        };
        let mut numbers = Vec::with_capacity(PRIVATE_NUMBERS);
        while let Some((number, further)) = read_positive(rest) {
            numbers.push(number);
            rest = further;
        }
        match numbers.as_slice() {
            [modulus, exponent, ..] if numbers.len() == PRIVATE_NUMBERS && rest.is_empty() => {
                Some(PublicNumbers::new(modulus, exponent))
            }
            _ => None,
        }
    };
    numbers().ok_or(DerError::Broken)
}

impl PublicNumbers {
    fn new(modulus: &[u8], exponent: &[u8]) -> PublicNumbers {
        PublicNumbers {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        }
    }

    /// The length of the modulus in bits.
    pub fn bits(&self) -> usize {
        let unused = self.modulus.first().map_or(0, |byte| byte.leading_zeros());
        self.modulus
            .len()
            .saturating_mul(8)
            .saturating_sub(usize::try_from(unused).unwrap_or(0))
    }

    /// Whether these can be the numbers of a key: a modulus that is odd, as products of odd primes are, and an exponent
    /// that is odd, not 1, and below 2^33 (no library takes a larger one).
    pub fn are_plausible(&self) -> bool {
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let is_small = match self.exponent.as_slice() {
            [1] => false,
            [first, _, _, _, _] => *first == 1,
            exponent => exponent.len() < 5,
        };
        is_odd(&self.modulus) && is_odd(&self.exponent) && is_small
    }
}

/// Skips the algorithm of a key, which must be RSA.
fn read_algorithm(der: &[u8]) -> Result<&[u8], DerError> {
    match read(der, SEQUENCE) {
        Some((algorithm, rest)) if algorithm == RSA_ENCRYPTION => Ok(rest),
        _ => Err(DerError::NotRsa),
    }
}

/// A positive integer without its sign byte, and what follows it.
fn read_positive(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (number, rest) = read(der, INTEGER)?;
    let number = match number {
        [0, second, ..] if *second >= 0x80 => number.get(1..)?,
        [1..=0x7f, ..] => number,
        _ => return None,
    };
    Some((number, rest))
}

/// The contents of the value with this tag, and what follows it. Lengths must be written in their shortest form, and
/// are at most 65,535 bytes: no key is longer.
fn read(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x81, length @ (0x80..), rest @ ..] => (usize::from(*length), rest),
        [0x82, high @ (1..), low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use ::rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
    use ::rsa::rand_core::OsRng;
    use ::rsa::traits::PublicKeyParts;
    use ::rsa::{RsaPrivateKey, RsaPublicKey};

    use super::*;

    #[test]
    fn numbers_are_those_that_a_library_wrote() {
        let key = RsaPrivateKey::new(&mut OsRng, 1_024).unwrap();
        let public = RsaPublicKey::from(&key);
        let want = PublicNumbers {
            modulus: key.n().to_bytes_be(),
            exponent: key.e().to_bytes_be(),
        };
        assert_eq!((want.bits(), want.are_plausible()), (1_024, true));
        let (private, public) = (key.to_pkcs8_der().unwrap(), public.to_public_key_der().unwrap());
        assert_eq!(parse_private(private.as_bytes()), Ok(want.clone()));
        assert_eq!(parse_public(public.as_bytes()), Ok(want));

        // One byte less, one more, or each byte of the structure wrong: nothing of it is taken for the same key.
        for der in [private.as_bytes(), public.as_bytes()] {
            for end in 0..der.len() {
                let cut = der.get(..end).unwrap();
                assert!(parse_private(cut).is_err() && parse_public(cut).is_err(), "{end}");
            }
            let longer = [der, &[0]].concat();
            assert!(parse_private(&longer).is_err() && parse_public(&longer).is_err());
        }
        assert_eq!(parse_public(private.as_bytes()), Err(DerError::NotRsa));
        assert_eq!(parse_private(public.as_bytes()), Err(DerError::NotRsa));
        for at in 0..28 {
            let mut der = public.as_bytes().to_vec();
            *der.get_mut(at).unwrap() ^= 0x11;
            assert!(parse_public(&der).is_err(), "byte {at}");
        }
    }

    #[test]
    fn integers_are_positive_and_as_short_as_can_be() {
        for (der, want) in [
            (&[2, 1, 5][..], Some(&[5][..])),
            (&[2, 2, 0, 0x80], Some(&[0x80])),
            (&[2, 3, 1, 0, 1], Some(&[1, 0, 1])),
            (&[2, 1, 0], None),
            (&[2, 0], None),
            (&[2, 1, 0x80], None),
            (&[2, 2, 0, 5], None),
            (&[2, 0x81, 1, 5], None),
            (&[2, 2, 5], None),
            (&[4, 1, 5], None),
            (&[], None),
        ] {
            assert_eq!(read_positive(der).map(|(number, _)| number), want, "{der:?}");
        }
    }

    #[test]
    fn implausible_numbers_are_told() {
        for (modulus, exponent, want) in [
            (&[0xc1, 0x01][..], &[1, 0, 1][..], true),
            (&[0xc1, 0x01], &[3], true),
            (&[0xc1, 0x01], &[1, 0, 0, 0, 1], true),
            (&[0xc1, 0x01], &[2, 0, 0, 0, 1], false),
            (&[0xc1, 0x01], &[1, 0, 0, 0, 0, 1], false),
            (&[0xc1, 0x01], &[1], false),
            (&[0xc1, 0x01], &[1, 0, 0], false),
            (&[0xc1, 0x02], &[1, 0, 1], false),
        ] {
            let numbers = PublicNumbers::new(modulus, exponent);
            assert_eq!(numbers.are_plausible(), want, "{numbers:?}");
        }
    }
}
