//! The command line written out: every command and the flags it takes, for the documentation to be held against.

use clap::CommandFactory as _;

use super::Arguments;

/// A command, or the program itself where the name is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlined {
    pub name: String,
    /// As they are typed: `--config`.
    pub flags: Vec<String>,
}

/// The program, then its commands.
pub fn outline() -> Vec<Outlined> {
    let mut program = Arguments::command();
    program.build();
    let mut all = vec![Outlined { name: String::new(), flags: flags(&program) }];
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    all.extend(
        commands.map(|command| Outlined { name: command.get_name().to_owned(), flags: flags(command) }),
    );
    all
}

fn flags(command: &clap::Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    shown.filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect()
}
