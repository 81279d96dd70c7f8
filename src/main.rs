//! The binary: hands the arguments to the command line's room and exits with what it says.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    wiretape::cli::main()
}
