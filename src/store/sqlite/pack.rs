//! Makes bytes smaller, and back. Small pieces of JSON have little in them to shorten them by, so they are told what such
//! JSON looks like: the dictionary.

use std::sync::LazyLock;

use zstd::bulk::Compressor;
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{DCtx, compress_bound, get_error_name};

use super::fault::{Result, broken};
use crate::store::StoreError;

/// Stored as it is; with zstd; with zstd and the first dictionary. The numbers are in stores.
const PLAIN: i64 = 0;
const ZSTD: i64 = 1;
const WITH_FIRST: i64 = 2;
/// With zstd and both dictionaries: heads.
const WITH_SECOND: i64 = 4;
/// With zstd, the first dictionary and another piece.
pub const AGAINST: i64 = 3;
/// A form's number and the values for it; or these behind their length, packed like heads.
pub const FORM: i64 = 5;
pub const FORM_PACKED: i64 = 6;

/// Only what is new is compressed, so this can take its time: texts are a tenth smaller than at the quick level.
const LEVEL: i32 = 15;
/// Short pieces come by the thousand with short calls, and there is little in them to search longer for.
const QUICK: i32 = 3;
const SHORT: usize = 256;
/// Texts of so many bytes in one transaction are packed with care. Where more come at once, others wait for them, and
/// keeping up is worth more than a tenth.
const WITH_CARE: usize = 256 << 10;

/// Above this a dictionary makes no difference.
const LARGE: usize = 64 << 10;

/// It is never changed: another one gets another number.
const FIRST: &[u8] = include_bytes!("dictionaries/0001.txt");

/// How heads look, for them alone. It is never changed either.
const SECOND: &[u8] = include_bytes!("dictionaries/0002.txt");

/// Of heads there is one for every call and every tool: the highest level makes them 3 % smaller than this one, and takes
/// hundreds of microseconds.
const BRISK: i32 = 9;

static HEADS_ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(&joined(SECOND), BRISK));
static HEADS_DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(&joined(SECOND)));
static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(FIRST, LEVEL));
static QUICK_ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(FIRST, QUICK));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(FIRST));

/// The dictionary with a text behind it: nearer is cheaper.
pub fn joined(text: &[u8]) -> Vec<u8> {
    [FIRST, text].concat()
}

/// A text, ready to be packed against.
pub fn against(text: &[u8]) -> EncoderDictionary<'static> {
    EncoderDictionary::copy(&joined(text), LEVEL)
}

/// Compresses, with working memory that is kept.
pub struct Packer {
    plain: Compressor<'static>,
    first: Compressor<'static>,
    quick: Compressor<'static>,
    /// So much more is packed with care.
    care: usize,
    heads: Compressor<'static>,
}

impl Packer {
    pub fn new() -> Result<Self> {
        let without = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        Ok(Self {
            // What is large takes long at a high level, and gains least.
            plain: Compressor::new(QUICK).map_err(without)?,
            first: Compressor::with_prepared_dictionary(&ENCODER).map_err(without)?,
            quick: Compressor::with_prepared_dictionary(&QUICK_ENCODER).map_err(without)?,
            care: WITH_CARE,
            heads: Compressor::with_prepared_dictionary(&HEADS_ENCODER).map_err(without)?,
        })
    }

    /// A transaction begins.
    pub fn begin(&mut self) {
        self.care = WITH_CARE;
    }

    /// The bytes, smaller if that can be, and how they were packed.
    pub fn pack(&mut self, bytes: &[u8], base: Option<&EncoderDictionary<'_>>) -> (i64, Vec<u8>) {
        let (how, packed) = if bytes.len() > LARGE {
            (ZSTD, self.plain.compress(bytes).ok())
        } else if let Some(base) = base {
            let mut packed = Vec::with_capacity(compress_bound(bytes.len()));
            let done = self.plain.context_mut().compress_using_cdict(&mut packed, bytes, base.as_cdict());
            (AGAINST, done.ok().map(|_| packed))
        } else {
            let is_quick = bytes.len() < SHORT || self.care == 0;
            self.care = self.care.saturating_sub(bytes.len());
            let packer = if is_quick { &mut self.quick } else { &mut self.first };
            (WITH_FIRST, packer.compress(bytes).ok())
        };
        match packed {
            Some(packed) if packed.len() < bytes.len() => (how, packed),
            _ => (PLAIN, bytes.to_vec()),
        }
    }
}

impl Packer {
    /// The same of what of a head no column has.
    pub fn pack_head(&mut self, rest: &[u8]) -> (i64, Vec<u8>) {
        if rest.len() > LARGE {
            return self.pack(rest, None);
        }
        match self.heads.compress(rest) {
            Ok(packed) if packed.len() < rest.len() => (WITH_SECOND, packed),
            _ => (PLAIN, rest.to_vec()),
        }
    }
}

/// The other way round. Its working memory is made when something is to be unpacked: most of what is looked up is not.
#[derive(Default)]
pub struct Unpacker {
    context: Option<DCtx<'static>>,
}

impl Unpacker {
    fn context(&mut self) -> Result<&mut DCtx<'static>> {
        if self.context.is_none() {
            self.context = DCtx::try_create();
        }
        self.context.as_mut().ok_or_else(|| StoreError::Unavailable("out of memory".to_owned()))
    }

    /// `length` is what they were before.
    pub fn unpack(&mut self, how: i64, bytes: Vec<u8>, length: usize) -> Result<Vec<u8>> {
        if how == PLAIN {
            return whole(bytes, length);
        }
        let (context, mut unpacked) = (self.context()?, Vec::with_capacity(length));
        let done = match how {
            ZSTD => context.decompress(&mut unpacked, &bytes),
            WITH_FIRST => context.decompress_using_ddict(&mut unpacked, &bytes, DECODER.as_ddict()),
            WITH_SECOND => context.decompress_using_ddict(&mut unpacked, &bytes, HEADS_DECODER.as_ddict()),
            _ => return Err(broken(format!("packed in a way ({how}) that is not known"))),
        };
        unpacked_whole(done, unpacked, length)
    }

    /// The same of what was packed against a base, which comes joined.
    pub fn unpack_against(&mut self, joined: &[u8], bytes: &[u8], length: usize) -> Result<Vec<u8>> {
        let mut unpacked = Vec::with_capacity(length);
        let done = self.context()?.decompress_using_dict(&mut unpacked, bytes, joined);
        unpacked_whole(done, unpacked, length)
    }
}

fn unpacked_whole(
    done: std::result::Result<usize, usize>,
    unpacked: Vec<u8>,
    length: usize,
) -> Result<Vec<u8>> {
    done.map_err(|code| broken(format!("does not unpack: {}", get_error_name(code))))?;
    whole(unpacked, length)
}

fn whole(unpacked: Vec<u8>, length: usize) -> Result<Vec<u8>> {
    if unpacked.len() == length { Ok(unpacked) } else { Err(broken("has not the length it should have")) }
}
