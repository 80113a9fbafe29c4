//! An authenticator: codes of RFC 6238, made as other programs make them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};

/// Seconds for which a code is shown.
const STEP: u64 = 30;

/// The step of this moment, with time enough to use its codes before the next one.
pub fn steady_step() -> u64 {
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        if now.as_secs() % STEP < STEP - 8 {
            return now.as_secs() / STEP;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The code that an authenticator with this secret, in base 32, shows at a step.
pub fn code(secret: &str, step: u64) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&decode(secret)).expect("a key");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// A code that is none at this step or those beside it.
pub fn wrong_code(secret: &str, step: u64) -> String {
    let good: Vec<String> = (step - 3..step + 4).map(|step| code(secret, step)).collect();
    (0..)
        .map(|number| format!("{number:06}"))
        .find(|code| !good.contains(code))
        .expect("most codes are wrong")
}

fn decode(base32: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut have) = (Vec::new(), 0_u32, 0);
    for digit in base32.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'2'..=b'7' => digit - b'2' + 26,
            other => panic!("{other} is no digit of base 32"),
        };
        bits = (bits << 5) | u32::from(value);
        have += 5;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    bytes
}
