//! Makes bytes smaller, and back. Small pieces of JSON have little in them to shorten them by, so they are told what such
//! JSON looks like: the dictionary.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::Compressor;
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{DCtx, compress_bound, get_error_name};

use super::fault::{Result, broken};
use super::frame::{bare, framed};
use crate::model::Micros;
use crate::store::StoreError;

/// How bytes are packed. The numbers are in stores. Not at all; with zstd; with zstd and the first dictionary.
const PLAIN: i64 = 0;
const ZSTD: i64 = 1;
const WITH_FIRST: i64 = 2;
/// With zstd, the first dictionary and another piece: earlier versions wrote it.
const AGAINST: i64 = 3;
/// With zstd and both dictionaries: heads.
const WITH_SECOND: i64 = 4;
/// A form's number and the values for it; or these behind their length, packed like heads.
pub const FORM: i64 = 5;
pub const FORM_PACKED: i64 = 6;
/// Like the first dictionary's, and the same against another piece, with what the third has: without the frame.
const BARE: i64 = 7;
const BARE_AGAINST: i64 = 8;

/// Only what is new is compressed, so this can take its time: texts are a tenth smaller than at the quick level.
const LEVEL: i32 = 17;
/// Short pieces come by the thousand with short calls, and there is little in them to search longer for.
const BRISK: i32 = 9;
const QUICK: i32 = 3;
/// Where there is no time: with a dictionary, short pieces are hardly larger than at the quick level.
const HASTY: i32 = 1;
const SHORT: usize = 256;
/// Where more new bytes than these come in a second, the rest of them and those of the next second are packed quickly:
/// packing with care takes ten times as long, and keeping up is worth more than a tenth.
const WITH_CARE: usize = 64 << 10;
/// Of so many seconds it is known how much came in them. Streams that began earlier come in between.
const SECONDS: usize = 16;

/// Above this a dictionary makes no difference.
const LARGE: usize = 64 << 10;

/// It is never changed: another one gets another number.
const FIRST: &[u8] = include_bytes!("dictionaries/0001.txt");

/// How heads look, for them alone. It is never changed either.
const SECOND: &[u8] = include_bytes!("dictionaries/0002.txt");

/// How often which letter, length and distance comes in texts that are packed against texts: with it, a short piece need
/// not say so. It is what a trained dictionary of zstd begins with (`ZDICT_finalizeDictionary`, of this project's own text and
/// code against some more of it), and any text may stand behind it. It is never changed.
const THIRD: &[u8] = include_bytes!("dictionaries/0003.bin");

static HEADS_ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(&[FIRST, SECOND].concat(), BRISK));
static HEADS_DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(&[FIRST, SECOND].concat()));
static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(&joined(b""), LEVEL));
static BRISK_ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(&joined(b""), BRISK));
static HASTY_ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(&joined(b""), HASTY));
static DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(&joined(b"")));
static FIRST_DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(FIRST));

/// The dictionaries with a text behind them: nearer is cheaper.
fn joined(text: &[u8]) -> Vec<u8> {
    [THIRD, FIRST, text].concat()
}

/// A text, ready to be packed against.
pub fn against(text: &[u8]) -> EncoderDictionary<'static> {
    EncoderDictionary::copy(&joined(text), LEVEL)
}

/// A text, ready to unpack what was packed against it. `None` where that was not packed against anything.
pub fn behind(how: i64, text: &[u8]) -> Option<DecoderDictionary<'static>> {
    match how {
        AGAINST => Some(DecoderDictionary::copy(&[FIRST, text].concat())),
        BARE_AGAINST => Some(DecoderDictionary::copy(&joined(text))),
        _ => None,
    }
}

/// Whether something is packed against another piece.
pub const fn is_against(how: i64) -> bool {
    matches!(how, AGAINST | BARE_AGAINST)
}

/// Compresses, with working memory that is kept.
pub struct Packer {
    plain: Compressor<'static>,
    /// The second that calls now began in, and what came in it and in others, each in its place.
    second: u64,
    came: [(u64, usize); SECONDS],
    heads: Compressor<'static>,
}

impl Packer {
    pub fn new() -> Result<Self> {
        let without = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        Ok(Self {
            // What is large takes long at a high level, and gains least.
            plain: Compressor::new(QUICK).map_err(without)?,
            second: 0,
            came: [(0, 0); SECONDS],
            heads: Compressor::with_prepared_dictionary(&HEADS_ENCODER).map_err(without)?,
        })
    }

    /// What comes now is of a call that began then.
    pub fn begin(&mut self, at: Micros) {
        let second = at.0 / 1_000_000;
        self.second = second;
        let slot = self.slot(second);
        if slot.0 != second {
            *slot = (second, 0);
        }
    }

    fn slot(&mut self, second: u64) -> &mut (u64, usize) {
        &mut self.came[(second % SECONDS as u64) as usize]
    }

    fn is_hasty(&mut self) -> bool {
        let second = self.second;
        [second, second.wrapping_sub(1)].into_iter().any(|second| {
            let (of, came) = *self.slot(second);
            of == second && came >= WITH_CARE
        })
    }

    /// The bytes, smaller if that can be, and how they were packed.
    pub fn pack(&mut self, bytes: &[u8], base: Option<&EncoderDictionary<'_>>) -> (i64, Vec<u8>) {
        let (how, packed) = if bytes.len() > LARGE {
            (ZSTD, self.plain.compress(bytes).ok())
        } else {
            let (how, encoder) = match base {
                _ if self.is_hasty() => (BARE, &*HASTY_ENCODER),
                Some(base) => (BARE_AGAINST, base),
                None if bytes.len() < SHORT => (BARE, &*BRISK_ENCODER),
                None => (BARE, &*ENCODER),
            };
            self.slot(self.second).1 += bytes.len();
            let mut packed = Vec::with_capacity(compress_bound(bytes.len()));
            let done = self.plain.context_mut().compress_using_cdict(&mut packed, bytes, encoder.as_cdict());
            (how, done.ok().and_then(|_| bare(&packed)).map(<[u8]>::to_vec))
        };
        match packed {
            Some(packed) if packed.len() < bytes.len() => (how, packed),
            _ => (PLAIN, bytes.to_vec()),
        }
    }

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

thread_local! {
    /// Working memory for unpacking. Making it takes longer than unpacking a piece, and each connection has its thread.
    static CONTEXT: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

fn with_context<T>(act: impl FnOnce(&mut DCtx<'static>) -> Result<T>) -> Result<T> {
    CONTEXT.with_borrow_mut(|context| {
        if context.is_none() {
            *context = DCtx::try_create();
        }
        act(context.as_mut().ok_or_else(|| StoreError::Unavailable("out of memory".to_owned()))?)
    })
}

/// The other way round.
#[derive(Default)]
pub struct Unpacker;

impl Unpacker {
    /// `length` is what they were before.
    pub fn unpack(&mut self, how: i64, bytes: Vec<u8>, length: usize) -> Result<Vec<u8>> {
        if how == PLAIN {
            return whole(bytes, length);
        }
        let mut unpacked = Vec::with_capacity(length);
        let done = with_context(|context| {
            Ok(match how {
                ZSTD => context.decompress(&mut unpacked, &bytes),
                WITH_FIRST => context.decompress_using_ddict(&mut unpacked, &bytes, FIRST_DECODER.as_ddict()),
                BARE => {
                    let frame = framed(&bytes, length);
                    context.decompress_using_ddict(&mut unpacked, &frame, DECODER.as_ddict())
                }
                WITH_SECOND => {
                    context.decompress_using_ddict(&mut unpacked, &bytes, HEADS_DECODER.as_ddict())
                }
                _ => return Err(broken(format!("packed in a way ({how}) that is not known"))),
            })
        });
        unpacked_whole(done?, unpacked, length)
    }

    /// The same of what was packed against another piece.
    pub fn unpack_against(
        &mut self,
        how: i64,
        base: &DecoderDictionary<'_>,
        bytes: &[u8],
        length: usize,
    ) -> Result<Vec<u8>> {
        let mut unpacked = Vec::with_capacity(length);
        let frame = if how == BARE_AGAINST { framed(bytes, length) } else { bytes.to_vec() };
        let done = with_context(|context| {
            Ok(context.decompress_using_ddict(&mut unpacked, &frame, base.as_ddict()))
        });
        unpacked_whole(done?, unpacked, length)
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
