//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    /// The setting's full name, as in `proxy.listen`; empty where the mistake is not at one.
    pub key: String,
    pub what: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

/// Where something was said. In the order of the layers, and in a file from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file that could not be read.
    File(PathBuf),
    /// A line and column of a file, both counted from 1.
    Line(PathBuf, usize, usize),
    /// A variable in the environment.
    Variable(String),
    /// A flag on the command line.
    Flag(String),
    /// Nowhere: it is the default.
    Default,
}

/// Every mistake of a configuration; never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Line(path, line, column) => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        self.hint.iter().try_for_each(|hint| write!(f, ", {hint}"))
    }
}

impl fmt::Display for Mistakes {
    /// One line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
