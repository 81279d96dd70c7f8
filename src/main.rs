//! The binary: hands the arguments to the command line's room and exits with what it says.

fn main() -> std::process::ExitCode {
    wiretape::cli::main()
}
