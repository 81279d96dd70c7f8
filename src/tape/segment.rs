//! A segment file: its name, its header, and how one is made.
//!
//! The header is written twice, each copy with a checksum of its own, so that no single damaged byte costs the salt
//! without which no record in the segment can be checked:
//!
//! ```text
//! magic 8 bytes │ version u32 │ salt u32 │ run u64 │ 0 u32 │ checksum u32
//! ```

use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The format this program writes. It reads this and all before it.
pub const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"wiretape";
const COPY: usize = 32;
/// How long a header is.
pub const HEADER: usize = 2 * COPY;
const EXTENSION: &str = ".tape";

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the checksums of its records begin.
    pub salt: u32,
    /// Which run of a program wrote it.
    pub run: u64,
}

/// Why a segment cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Both copies of the header are damaged, or it never was a segment.
    Damaged,
    /// A later program wrote it in this version.
    Version(u32),
}

impl Header {
    /// A new segment's header, of this run.
    pub fn new(run: u64) -> Self {
        // Any 32 bits that nobody on the wire can know will do.
        Self { salt: (random() >> 32) as u32, run }
    }

    pub fn encode(&self) -> [u8; HEADER] {
        let Self { salt, run } = self;
        let mut copy = [0; COPY];
        copy[..8].copy_from_slice(MAGIC);
        copy[8..12].copy_from_slice(&VERSION.to_le_bytes());
        copy[12..16].copy_from_slice(&salt.to_le_bytes());
        copy[16..24].copy_from_slice(&run.to_le_bytes());
        let sum = crc32fast::hash(&copy[..28]);
        copy[28..].copy_from_slice(&sum.to_le_bytes());
        let mut header = [0; HEADER];
        header[..COPY].copy_from_slice(&copy);
        header[COPY..].copy_from_slice(&copy);
        header
    }

    pub fn decode(header: &[u8; HEADER]) -> Result<Self, Unreadable> {
        let (first, second) = header.split_at(COPY);
        let copy = [first, second]
            .into_iter()
            .find(|copy| copy.starts_with(MAGIC) && crc32fast::hash(&copy[..28]).to_le_bytes() == copy[28..]);
        let copy = copy.ok_or(Unreadable::Damaged)?;
        let number = |at: usize| u32::from_le_bytes([copy[at], copy[at + 1], copy[at + 2], copy[at + 3]]);
        match number(8) {
            VERSION => {
                Ok(Self { salt: number(12), run: u64::from(number(16)) | u64::from(number(20)) << 32 })
            }
            version => Err(Unreadable::Version(version)),
        }
    }
}

/// 64 bits from the operating system, by way of the standard library's hash maps.
pub fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// Where segment `number` lies. Names sort by number.
pub fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:012}{EXTENSION}"))
}

/// The segments in a folder with their sizes, oldest first.
pub fn list(dir: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(EXTENSION)).map(str::parse);
        if let Some(Ok(number)) = number {
            // One that goes away meanwhile was released by its owner.
            found.extend(entry.metadata().ok().map(|metadata| (number, metadata.len())));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes the folder if it is not there, for its owner only.
pub fn make_folder(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// A file that did not exist, for its owner only.
pub fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// A new segment, locked, with the first number from `from` on that nobody has taken.
pub fn create(dir: &Path, from: u64) -> io::Result<(u64, File)> {
    let mut number = from;
    loop {
        match create_file(&path(dir, number)) {
            Ok(file) => {
                lock(&file);
                return Ok((number, file));
            }
            Err(why) => match number.checked_add(1) {
                Some(next) if why.kind() == ErrorKind::AlreadyExists => number = next,
                _ => return Err(why),
            },
        }
    }
}

/// Locks a file as long as it is open. `false`: someone else has it. A file system without locks has one user.
pub fn lock(file: &File) -> bool {
    !matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_damaged_byte_does_not_cost_the_header() {
        let header = Header { salt: 0x0102_0304, run: 0x1122_3344_5566_7788 };
        for at in 0..HEADER {
            let mut bytes = header.encode();
            bytes[at] ^= 0x40;
            assert_eq!(Header::decode(&bytes), Ok(header), "{at}");
        }
        assert_eq!(Header::decode(&[0; HEADER]), Err(Unreadable::Damaged));
    }

    #[test]
    fn a_later_version_is_known_as_such() {
        let mut bytes = Header { salt: 1, run: 2 }.encode();
        for copy in bytes.chunks_mut(COPY) {
            copy[8] = 2;
            let sum = crc32fast::hash(&copy[..28]);
            copy[28..].copy_from_slice(&sum.to_le_bytes());
        }
        assert_eq!(Header::decode(&bytes), Err(Unreadable::Version(2)));
    }
}
