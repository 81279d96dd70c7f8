//! The key of the fingerprints, and the names that a user adds.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use super::{MARK, name};
use crate::tape::segment::{create_file, random};

/// Knows which names carry credentials, and what to write in place of one.
pub struct Keeper {
    key: [u8; KEY],
    /// In their plain spelling.
    names: Vec<String>,
}

const KEY: usize = 32;

/// Where the key of the fingerprints came from.
#[derive(Debug)]
pub enum KeyFile {
    /// It lies in its file, from now on or since long.
    Kept,
    /// It could not be read or made: this run's fingerprints are like no other's.
    Lost(io::Error),
}

impl Keeper {
    pub fn new(key: [u8; KEY], names: &[String]) -> Self {
        Self { key, names: names.iter().map(|name| name::plain(name).into_owned()).collect() }
    }

    /// With the key that lies in `file`, which is made on first use. Without it credentials are kept off the tape all the
    /// same.
    pub fn open(file: &Path, names: &[String]) -> (Self, KeyFile) {
        match read_key(file)
            .or_else(|why| if why.kind() == ErrorKind::NotFound { make_key(file) } else { Err(why) })
        {
            Ok(key) => (Self::new(key, names), KeyFile::Kept),
            Err(why) => {
                tracing::warn!(
                    "the key of the fingerprints, {}: {why}; this run's fingerprints are like no other's",
                    file.display()
                );
                (Self::new(new_key(), names), KeyFile::Lost(why))
            }
        }
    }

    /// What stands for a credential.
    pub fn fingerprint(&self, secret: &[u8]) -> String {
        let hash = blake3::keyed_hash(&self.key, secret).to_hex();
        format!("{MARK}{}", &hash[..16])
    }

    pub(super) fn is_secret(&self, name: &str) -> bool {
        let name = name::plain(name);
        name::is_secret(&name) || self.names.iter().any(|known| *known == name)
    }

    pub(super) fn is_secret_parameter(&self, name: &str) -> bool {
        let name = name::plain(name);
        name::is_secret_parameter(&name) || self.names.iter().any(|known| *known == name)
    }
}

fn read_key(file: &Path) -> io::Result<[u8; KEY]> {
    let mut read = Vec::with_capacity(KEY + 1);
    File::open(file)?.take(KEY as u64 + 1).read_to_end(&mut read)?;
    <[u8; KEY]>::try_from(read).map_err(|read| {
        io::Error::new(ErrorKind::InvalidData, format!("{KEY} bytes were expected, there are {}", read.len()))
    })
}

/// The file is written under another name and then given its own, which fails where someone was faster: whoever reads it
/// reads it whole, and everyone the same.
fn make_key(file: &Path) -> io::Result<[u8; KEY]> {
    if let Some(folder) = file.parent() {
        crate::tape::segment::make_folder(folder)?;
    }
    let draft = file.with_extension(format!("{:016x}", random()));
    let mut made = create_file(&draft)?;
    let linked = made.write_all(&new_key()).and_then(|()| made.sync_all()).and_then(|()| {
        match std::fs::hard_link(&draft, file) {
            Err(why) if why.kind() != ErrorKind::AlreadyExists => Err(why),
            _ => Ok(()),
        }
    });
    let removed = std::fs::remove_file(&draft);
    linked.and(removed).and_then(|()| read_key(file))
}

fn new_key() -> [u8; KEY] {
    let mut key = [0; KEY];
    let read = File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut key));
    if read.is_err() {
        // Without devices there are still the seeds of the standard library's hash maps.
        for piece in key.chunks_mut(8) {
            piece.copy_from_slice(&random().to_le_bytes()[..piece.len()]);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::tape::testing::Folder;

    #[test]
    fn the_key_is_made_once_and_for_its_owner() {
        let folder = Folder::new();
        let file = folder.0.join("data/fingerprint.key");
        let (first, kept) = Keeper::open(&file, &[]);
        assert!(matches!(kept, KeyFile::Kept));
        let (second, _) = Keeper::open(&file, &[]);
        assert_eq!(first.fingerprint(b"sk-1"), second.fingerprint(b"sk-1"));
        assert_ne!(first.fingerprint(b"sk-1"), first.fingerprint(b"sk-2"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        let (other, _) = Keeper::open(&folder.0.join("other.key"), &[]);
        assert_ne!(first.fingerprint(b"sk-1"), other.fingerprint(b"sk-1"));
    }

    #[test]
    fn many_at_once_have_the_same_key() {
        let folder = Folder::new();
        let file = folder.0.join("fingerprint.key");
        let all: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Keeper::open(&file, &[]).0.fingerprint(b"sk"))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    }

    #[test]
    fn a_damaged_key_is_neither_used_nor_overwritten() {
        let folder = Folder::new();
        let file = folder.0.join("fingerprint.key");
        std::fs::write(&file, "short").unwrap();
        let (keeper, kept) = Keeper::open(&file, &[]);
        assert!(matches!(kept, KeyFile::Lost(_)));
        assert!(keeper.fingerprint(b"sk").starts_with(MARK));
        assert_eq!(std::fs::read(&file).unwrap(), b"short");
    }
}
