//! The settings of `[convention.NAME]`.

use super::said::OwnConvention;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The user's own conventions, in the order in which they were first named.
    pub conventions: Vec<OwnConvention>,
}

/// A mistake: the name of the convention, the key, and what is wrong.
pub type Fault = (String, &'static str, String);

impl Config {
    /// The user's convention of this name.
    pub fn own(&self, name: &str) -> Option<&OwnConvention> {
        self.conventions.iter().find(|own| own.name == name)
    }

    /// The user's convention of this name, made if there is none yet.
    pub fn own_mut(&mut self, name: &str) -> &mut OwnConvention {
        let at = self.conventions.iter().position(|own| own.name == name).unwrap_or_else(|| {
            self.conventions.push(OwnConvention { name: name.to_owned(), ..OwnConvention::default() });
            self.conventions.len() - 1
        });
        &mut self.conventions[at]
    }

    /// What is wrong with the user's own conventions.
    pub fn check_own(&self) -> Vec<Fault> {
        let missing = |own: &OwnConvention| {
            let keys = [("where", own.place.is_none()), ("means", own.means.is_none())];
            let missing = keys.into_iter().filter(|(_, missing)| *missing);
            missing.map(|(key, _)| (own.name.clone(), key, "is missing".to_owned())).collect::<Vec<_>>()
        };
        self.conventions.iter().flat_map(missing).collect()
    }
}
