//! Sprig's functions around secrets: password hashes, derived passwords, AES, private keys.
//!
//! Randomness comes from the caller's issuer, and so do keys; without one these functions refuse by name, for what a
//! known seed gives away would be worse than none.

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Arguments, Entry, Returned, refuse, text};
use crate::bytes::{bytes_of, text_from};
use crate::error::CallError;
use crate::execute::Call;
use crate::value::Value;

pub(super) const TABLE: &[Entry] = &[
    ("bcrypt", "s", |call, values| text(hashed(call, "bcrypt", values.text(0))?)),
    ("htpasswd", "ss", |call, values| {
        let (user, password) = (values.text(0), values.text(1));
        if user.contains(':') {
            return text(format!("invalid username: {user}"));
        }
        text(format!("{user}:{}", hashed(call, "htpasswd", password)?))
    }),
    ("derivePassword", "ussss", derived_password),
    ("encryptAES", "ss", encrypt),
    ("decryptAES", "ss", decrypt),
    ("genPrivateKey", "s", private_key),
];

/// Random bytes that nobody can guess.
fn random<const COUNT: usize>(call: &Call<'_>, name: &str) -> Result<[u8; COUNT], CallError> {
    let mut bytes = [0; COUNT];
    let filled = match &call.run.sources.certificates {
        Some(issuer) => issuer.fill(&mut bytes),
        None => Err("there is no randomness for secrets".to_owned()),
    };
    match filled {
        Ok(()) => Ok(bytes),
        Err(why) => refuse(format!("{name}: {why}; give the secret as a value")),
    }
}

fn hashed(call: &Call<'_>, name: &str, password: &str) -> Result<String, CallError> {
    /// Of Go's library, which refuses longer ones.
    const PASSWORD_BYTES_MAX: usize = 72;
    /// Of Go's library as well: some 0.05 s of work, counted as steps.
    const COST: u32 = 10;
    const STEPS: u64 = 100_000;
    let password = bytes_of(password);
    let failed = |why: &str| format!("failed to encrypt string with bcrypt: {why}");
    if password.len() > PASSWORD_BYTES_MAX {
        return Ok(failed("bcrypt: password length exceeds 72 bytes"));
    }
    call.run.steps(STEPS)?;
    let salt = random(call, name)?;
    match bcrypt::hash_with_salt(&*password, COST, salt) {
        Ok(parts) => Ok(parts.format_for_version(bcrypt::Version::TwoA)),
        Err(error) => Ok(failed(&error.to_string())),
    }
}

/// What a password of a type may look like: one letter for each of its characters.
fn shapes(kind: &str) -> &'static [&'static str] {
    match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => &[],
    }
}

/// The characters a letter of a shape stands for.
fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The Master Password algorithm: the same password for the same words, from scrypt and HMAC.
fn derived_password(call: &Call<'_>, values: &[Value]) -> Returned {
    const SEED: &[u8] = b"com.lyndir.masterpassword";
    /// scrypt with 32 MB is some 0.1 s of work.
    const STEPS: u64 = 200_000;
    let kind = values.text(1);
    let shapes = shapes(kind);
    if shapes.is_empty() {
        return text(format!("cannot find password template {kind}"));
    }
    call.run.steps(STEPS)?;
    let failed = |why: &dyn std::fmt::Display| CallError::new(format!("failed to derive password: {why}"));
    let named = |name: &str| {
        let name = bytes_of(name);
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        [SEED, &length.to_be_bytes()[..], &*name].concat()
    };
    let parameters = scrypt::Params::new(15, 8, 2).map_err(|error| failed(&error))?;
    let mut key = [0; 64];
    scrypt::scrypt(&bytes_of(values.text(2)), &named(values.text(3)), &parameters, &mut key)
        .map_err(|error| failed(&error))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failed(&error))?;
    let counter = u32::try_from(values.int(0)).unwrap_or(0);
    mac.update(&named(values.text(4)));
    mac.update(&counter.to_be_bytes());
    let seed = mac.finalize().into_bytes();
    let shape = shapes[usize::from(seed[0]) % shapes.len()];
    let letters = shape.bytes().zip(seed.iter().skip(1)).map(|(letter, byte)| {
        let characters = characters(letter);
        char::from(characters[usize::from(*byte) % characters.len()])
    });
    text(letters.collect::<String>())
}

/// The first 32 bytes of a password; zeros where it is shorter.
fn aes_key(password: &str) -> [u8; 32] {
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().zip(bytes_of(password).iter()) {
        *place = *byte;
    }
    key
}

const BLOCK: usize = 16;

fn encrypt(call: &Call<'_>, values: &[Value]) -> Returned {
    let plain = bytes_of(values.text(1));
    if plain.is_empty() {
        return text("");
    }
    let start: [u8; BLOCK] = random(call, "encryptAES")?;
    let padding = BLOCK - plain.len() % BLOCK;
    let mut content = plain.to_vec();
    content.resize(plain.len() + padding, u8::try_from(padding).unwrap_or(0));
    let cipher = cbc::Encryptor::<Aes256>::new(&aes_key(values.text(0)).into(), &start.into());
    let content = cipher.encrypt_padded_vec::<NoPadding>(&content);
    text(STANDARD.encode([&start[..], &content].concat()))
}

fn decrypt(_: &Call<'_>, values: &[Value]) -> Returned {
    if values.text(1).is_empty() {
        return text("");
    }
    let crypt = super::encoding::decode_base64(values.text(1)).map_err(CallError)?;
    let Some((start, content)) = crypt.split_at_checked(BLOCK) else {
        // The capacity Go sets aside for the text.
        let length = values.text(1).len() / 4 * 3;
        return refuse(format!("runtime error: slice bounds out of range [:{BLOCK}] with capacity {length}"));
    };
    if content.len() % BLOCK != 0 {
        return refuse("crypto/cipher: input not full blocks");
    }
    let mut first = [0; BLOCK];
    first.copy_from_slice(start);
    let cipher = cbc::Decryptor::<Aes256>::new(&aes_key(values.text(0)).into(), &first.into());
    let plain = cipher.decrypt_padded_vec::<NoPadding>(content).unwrap_or_default();
    let padding = plain.last().copied().map(usize::from);
    match padding.and_then(|padding| plain.len().checked_sub(padding)) {
        Some(length) => text(text_from(&plain[..length])),
        None if plain.is_empty() => refuse("runtime error: index out of range [-1]"),
        None => {
            let length = i64::try_from(plain.len()).unwrap_or(0);
            let padding = padding.and_then(|padding| i64::try_from(padding).ok()).unwrap_or(0);
            refuse(format!("runtime error: slice bounds out of range [:{}]", length - padding))
        }
    }
}

fn private_key(call: &Call<'_>, values: &[Value]) -> Returned {
    match values.text(0) {
        kind @ ("" | "rsa" | "dsa" | "ecdsa" | "ed25519") => match &call.run.sources.certificates {
            Some(issuer) => text(issuer.private_key(kind).map_err(CallError)?),
            None => refuse("genPrivateKey makes a secret, and no issuer was given; give the key as a value"),
        },
        other => text(format!("Unknown type {other}")),
    }
}
