//! What encoded bytes say beside what comes out of them: a gzip member's name, comment and extra fields, zstd's frames that
//! decoders skip, and whatever can be read in brotli's bytes as they stand, of which blocks of metadata are a part that no
//! decoder tells of.

/// Looks at what a coding reads.
pub(super) enum Beside {
    Gzip(Gzip),
    Zstd(Zstd),
    /// The letters at hand that can be read.
    Brotli(Vec<u8>),
    Nothing,
}

/// Where in a member we are.
pub(super) struct Gzip {
    place: Place,
    flags: u8,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Head { seen: usize },
    ExtraLength { low: Option<u8> },
    Extra { left: u16 },
    Name,
    Comment,
    Checksum { left: u8 },
    Body,
}

/// Where among frames we are.
#[derive(Default)]
pub(super) struct Zstd {
    /// Its number and its length, as they come.
    head: Vec<u8>,
    skipped: u64,
    in_frame: bool,
}

/// Fewer letters in a row come about by chance.
const RUN: usize = 16;

impl Beside {
    /// For the content coding of this name.
    pub(super) fn of(name: &[u8]) -> Self {
        let named = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        if named(&["gzip", "x-gzip"]) {
            Self::Gzip(Gzip { place: Place::Head { seen: 0 }, flags: 0 })
        } else if named(&["zstd"]) {
            Self::Zstd(Zstd::default())
        } else if named(&["br"]) {
            Self::Brotli(Vec::new())
        } else {
            Self::Nothing
        }
    }

    /// The coding read this. `whole`: it is between members, or frames, now; it reads no more than one at a time.
    pub(super) fn see(&mut self, bytes: &[u8], whole: bool, out: &mut Vec<u8>) {
        match self {
            Self::Gzip(gzip) => gzip.see(bytes, whole, out),
            Self::Zstd(zstd) => zstd.see(bytes, whole, out),
            Self::Brotli(run) => {
                for byte in bytes {
                    match byte {
                        b' '..=b'~' | b'\t' | b'\r' | b'\n' => run.push(*byte),
                        _ => end_run(run, out),
                    }
                }
            }
            Self::Nothing => {}
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Self::Brotli(run) = self {
            end_run(run, out);
        }
    }
}

fn end_run(run: &mut Vec<u8>, out: &mut Vec<u8>) {
    if run.len() >= RUN {
        out.append(run);
        out.push(b'\n');
    }
    run.clear();
}

impl Gzip {
    const FIXED: usize = 10;
    const FLAGS_AT: usize = 3;
    const CHECKSUM: u8 = 0x02;
    const EXTRA: u8 = 0x04;
    const NAME: u8 = 0x08;
    const COMMENT: u8 = 0x10;

    fn see(&mut self, bytes: &[u8], whole: bool, out: &mut Vec<u8>) {
        for byte in bytes {
            if self.place == Place::Body {
                break;
            }
            self.place = self.byte(*byte, out);
        }
        if whole && self.place == Place::Body {
            self.place = Place::Head { seen: 0 };
        }
    }

    /// Where the next byte stands.
    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) -> Place {
        match self.place {
            // Zeros that fill a block behind the last member.
            Place::Head { seen: 0 } if byte == 0 => self.place,
            Place::Head { seen } => {
                if seen == Self::FLAGS_AT {
                    self.flags = byte;
                }
                if seen + 1 < Self::FIXED { Place::Head { seen: seen + 1 } } else { self.behind_head() }
            }
            Place::ExtraLength { low: None } => Place::ExtraLength { low: Some(byte) },
            Place::ExtraLength { low: Some(low) } => match u16::from_le_bytes([low, byte]) {
                0 => self.behind_extra(),
                left => Place::Extra { left },
            },
            Place::Extra { left } => {
                out.push(byte);
                if left > 1 {
                    return Place::Extra { left: left - 1 };
                }
                out.push(b'\n');
                self.behind_extra()
            }
            Place::Name | Place::Comment if byte == 0 => {
                out.push(b'\n');
                if self.place == Place::Name { self.behind_name() } else { self.behind_comment() }
            }
            Place::Name | Place::Comment => {
                out.push(byte);
                self.place
            }
            Place::Checksum { left: 2.. } => Place::Checksum { left: 1 },
            Place::Checksum { .. } | Place::Body => Place::Body,
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn behind_head(&self) -> Place {
        if self.has(Self::EXTRA) { Place::ExtraLength { low: None } } else { self.behind_extra() }
    }

    fn behind_extra(&self) -> Place {
        if self.has(Self::NAME) { Place::Name } else { self.behind_name() }
    }

    fn behind_name(&self) -> Place {
        if self.has(Self::COMMENT) { Place::Comment } else { self.behind_comment() }
    }

    fn behind_comment(&self) -> Place {
        if self.has(Self::CHECKSUM) { Place::Checksum { left: 2 } } else { Place::Body }
    }
}

impl Zstd {
    const HEAD: usize = 8;
    const NUMBER: usize = 4;

    fn see(&mut self, bytes: &[u8], whole: bool, out: &mut Vec<u8>) {
        for byte in bytes {
            if self.in_frame {
                break;
            }
            self.byte(*byte, out);
        }
        if whole {
            self.in_frame = false;
        }
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.skipped > 0 {
            out.push(byte);
            self.skipped -= 1;
            if self.skipped == 0 {
                out.push(b'\n');
            }
            return;
        }
        self.head.push(byte);
        // Sixteen numbers, which differ in the low half of their first byte.
        let is_skipped = matches!(self.head.as_slice(), [first, 0x2a, 0x4d, 0x18, ..] if first >> 4 == 5);
        if self.head.len() == Self::NUMBER && !is_skipped {
            self.in_frame = true;
            self.head.clear();
        } else if let Some(length) = self.head.get(Self::NUMBER..Self::HEAD).and_then(<[u8]>::first_chunk) {
            self.skipped = u64::from(u32::from_le_bytes(*length));
            self.head.clear();
        }
    }
}
