//! A message's headers, kept as a recorder keeps them: in one piece, in order.

/// Headers in one piece of memory: `name: value` lines that end in CR LF, names in lower case.
///
/// A map of them would share its memory with the relay that still works on it, and each value would be counted and let
/// go of on two threads; copying a head is cheaper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Box<[u8]>);

impl Headers {
    /// Names in lower case; values without CR or LF. They are gone through twice, so that one piece of memory will do.
    pub fn of<'a, I: Iterator<Item = (&'a str, &'a [u8])>>(lines: impl Fn() -> I) -> Self {
        let size = lines().map(|(name, value)| name.len() + value.len() + 4).sum();
        let mut bytes = Vec::with_capacity(size);
        for (name, value) in lines() {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        Self(bytes.into_boxed_slice())
    }

    /// Lines as `as_bytes` gives them. What is no such line is kept, and skipped by `iter`.
    pub fn from_lines(lines: impl Into<Box<[u8]>>) -> Self {
        Self(lines.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines().filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, line.get(colon + 2..)?))
        })
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        // A value holds no CR or LF: the map it came from allows none.
        self.0.split(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\r"))
    }

    /// The first header of this name, which is in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.lines().filter_map(move |line| {
            let behind = line.strip_prefix(name.as_bytes())?;
            // A colon and a space.
            behind.starts_with(b":").then(|| behind.get(2..)).flatten()
        })
    }

    /// The same, where it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// All headers of this name as one, joined by commas.
    pub fn joined(&self, name: &str) -> Vec<u8> {
        let values: Vec<&[u8]> = self.all(name).collect();
        values.join(&b", "[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let lines: [(&str, &[u8]); 4] =
            [("x-dup", b"1"), ("x-empty", b""), ("x-dup", b"a: b"), ("x-high", b"caf\xe9")];
        let headers = Headers::of(|| lines.into_iter());
        assert_eq!(headers.iter().collect::<Vec<_>>(), lines);
        assert_eq!(headers.get("x-dup"), Some(&b"1"[..]));
        assert_eq!(headers.joined("x-dup"), b"1, a: b");
        assert_eq!(headers.text("x-high"), None);
        assert_eq!(headers.get("x-none"), None);
    }
}
