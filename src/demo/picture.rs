//! A picture for a user to send: a photograph of a crushed parcel it is not, but a drawing of one.

const WIDTH: usize = 160;
const HEIGHT: usize = 120;
/// Wall, table, cardboard, its shadow, tape, ink.
const PALETTE: [[u8; 3]; 6] = [
    [0xe8, 0xec, 0xf0],
    [0xb9, 0xa4, 0x8c],
    [0xc8, 0x96, 0x5a],
    [0x9a, 0x6e, 0x3c],
    [0xe6, 0xd2, 0x96],
    [0x33, 0x33, 0x33],
];

/// The picture as a PNG.
pub fn parcel() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::new();
    head.extend((WIDTH as u32).to_be_bytes());
    head.extend((HEIGHT as u32).to_be_bytes());
    // Eight bits a pixel, by palette; the usual compression and filter; not interlaced.
    head.extend([8, 3, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &head);
    chunk(&mut png, b"PLTE", PALETTE.as_flattened());
    chunk(&mut png, b"IDAT", &zlib(&pixels()));
    chunk(&mut png, b"IEND", &[]);
    png
}

/// The lines, each behind the number of its filter: none.
fn pixels() -> Vec<u8> {
    let mut lines = Vec::with_capacity((WIDTH + 1) * HEIGHT);
    for y in 0..HEIGHT {
        lines.push(0);
        lines.extend((0..WIDTH).map(|x| colour(x, y)));
    }
    lines
}

fn colour(x: usize, y: usize) -> u8 {
    // One corner is crushed: the box's upper edge comes down towards the right.
    let dent = (x.saturating_sub(90) * x.saturating_sub(90) / 60).min(34);
    let is_box = (30..130).contains(&x) && (28 + dent..96).contains(&y);
    match (x, y) {
        _ if is_box && (74..84).contains(&x) => 4,
        _ if is_box && (x < 33 || y > 92 || y < 31 + dent) => 3,
        _ if is_box && (40..66).contains(&x) && (60..78).contains(&y) && y % 4 < 2 => 5,
        _ if is_box => 2,
        (_, 88..) => 1,
        _ => 0,
    }
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    png.extend(name);
    png.extend(data);
    let mut sum = crc32fast::Hasher::new();
    sum.update(name);
    sum.update(data);
    png.extend(sum.finalize().to_be_bytes());
}

/// A zlib stream that stores its bytes as they are: one block holds no more than 65,535.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_whole() {
        let png = parcel();
        assert!(png.starts_with(b"\x89PNG") && png.ends_with(b"IEND\xaeB`\x82"));
        assert!(png.len() < 20_000);
        assert!(pixels().iter().all(|pixel| usize::from(*pixel) < PALETTE.len()));
    }
}
