//! Takes the layers one after another, and keeps every mistake on the way.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use super::mistake::{Mistake, Mistakes, Place};
use super::section::SECTIONS;
use super::{Config, environment, file};

/// Where a configuration comes from. The default is: nowhere but a `wiretape.toml` in the working folder.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
    /// The environment; names that are not ours are left alone.
    pub env: Vec<(String, String)>,
    /// Our variables whose values are not text.
    pub unreadable: Vec<String>,
    /// What flags say.
    pub overrides: Vec<Override>,
    /// The user's home folder, for `.config/wiretape/config.toml` in it.
    pub home: Option<PathBuf>,
    /// Where `wiretape.toml` is looked for. Empty: the working folder.
    pub folder: PathBuf,
}

/// A setting on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The flag as a user knows it, for mistakes: `--set`, `--listen`.
    pub flag: String,
    /// The setting's full name, as in `proxy.listen`.
    pub key: String,
    pub value: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub config: Config,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
}

/// Reads the configuration from all its sources.
pub fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
    let mut layers = Layers::default();
    let path = sources.path();
    let syntax_holds = match &path {
        Some((path, named)) => file::read(path, named.as_deref(), &mut layers),
        None => true,
    };
    layers.config.home = sources.data_folder();
    environment::variables(sources, &mut layers);
    environment::overrides(sources, &mut layers);
    // What could not be read at all may be what a room would miss.
    if syntax_holds {
        layers.check();
    }
    layers.mistakes.sort_by(|a, b| a.place.cmp(&b.place));
    if layers.mistakes.is_empty() {
        Ok(Loaded { config: layers.config, file: path.map(|(path, _)| path) })
    } else {
        Err(Mistakes(layers.mistakes))
    }
}

impl Sources {
    /// This process's own, with what its flags say.
    pub fn of_process(file: Option<PathBuf>, overrides: Vec<Override>) -> Self {
        let mut sources = Self {
            file,
            overrides,
            home: env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            ..Self::default()
        };
        for (name, value) in env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => sources.env.push((name, value)),
                Err(_) if name.starts_with(environment::PREFIX) => sources.unreadable.push(name),
                Err(_) => {}
            }
        }
        sources
    }

    /// The file to read and who named it; a file nobody named only if it is there.
    fn path(&self) -> Option<(PathBuf, Option<String>)> {
        if let Some(path) = &self.file {
            return Some((path.clone(), Some("--config".to_owned())));
        }
        if let Some(path) = self.variable("WIRETAPE_CONFIG") {
            return Some((path.into(), Some("WIRETAPE_CONFIG".to_owned())));
        }
        // A relative folder is to be ignored, as the XDG specification has it.
        let xdg = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let user = xdg.or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        let user = user.map(|folder| folder.join("wiretape/config.toml"));
        let found =
            [Some(self.folder.join("wiretape.toml")), user].into_iter().flatten().find(|path| there(path));
        found.map(|path| (path, None))
    }

    /// Where data lies: `$WIRETAPE_HOME`, else the user's data folder.
    fn data_folder(&self) -> PathBuf {
        if let Some(home) = self.variable("WIRETAPE_HOME") {
            return home.into();
        }
        let xdg = self.variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let user = xdg.or_else(|| self.home.as_ref().map(|home| home.join(".local/share")));
        user.map_or_else(|| PathBuf::from("wiretape-data"), |folder| folder.join("wiretape"))
    }

    /// A variable's value, where it is set to anything.
    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

/// One that is there and cannot be read counts: silence about it would be worse than a mistake.
fn there(path: &Path) -> bool {
    !matches!(path.try_exists(), Ok(false)) && !path.is_dir()
}

/// The configuration as it builds up: where each setting was last said, and what was wrong.
#[derive(Default)]
pub(super) struct Layers {
    pub config: Config,
    pub mistakes: Vec<Mistake>,
    places: BTreeMap<String, Place>,
}

impl Layers {
    pub fn wrong(
        &mut self,
        place: Place,
        key: impl Into<String>,
        what: impl Into<String>,
        hint: Option<String>,
    ) {
        self.mistakes.push(Mistake { place, key: key.into(), what: what.into(), hint });
    }

    /// Remembers where a setting, or a whole table, was said last.
    pub fn said(&mut self, path: &str, place: Place) {
        self.places.insert(path.to_owned(), place);
    }

    /// Asks each room what is wrong with its settings taken together.
    fn check(&mut self) {
        for section in SECTIONS {
            for (name, key, what) in (section.check)(&self.config) {
                let path = section.path(&name, key);
                // A value that was refused left the default behind, and whatever is wrong with that is no news.
                if self.mistakes.iter().any(|mistake| mistake.key == path) {
                    continue;
                }
                let table = path.rsplit_once('.').and_then(|(table, _)| self.places.get(table));
                let place = self.places.get(&path).or(table).cloned().unwrap_or(Place::Default);
                self.wrong(place, path, what, None);
            }
        }
    }
}
