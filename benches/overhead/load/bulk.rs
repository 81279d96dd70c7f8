//! Large bodies, one way and the other.

use std::sync::Arc;

use super::{Job, Values, ok_head};
use crate::Result;
use crate::payload;
use crate::process::Cpu;

const ROOM: usize = 256 * 1024;
const PIECE: u64 = 63 * 1024;
/// Which endless body is sent; any number does.
const NUMBER: u64 = 9;

pub async fn both_ways(job: &Arc<Job>) -> Result<Values> {
    let mut values = Values::new();
    for way in ["upload", "download"] {
        let before = Cpu::read(&job.pids);
        let started = payload::nanos();
        if way == "upload" {
            upload(job).await?;
        } else {
            download(job).await?;
        }
        let seconds = (payload::nanos() - started) as f64 / 1e9;
        job.settle().await?;
        let cpu = Cpu::read(&job.pids).micros_since(&before);
        values.insert(format!("{way}.mb_per_second"), job.megabytes as f64 / seconds);
        values.insert(format!("{way}.cpu_us"), cpu / job.megabytes as f64);
    }
    Ok(values)
}

async fn upload(job: &Job) -> Result<()> {
    let size = job.megabytes * 1_000_000;
    let mut wire = job.connect(ROOM).await?;
    let head = format!(
        "POST {}/v1/files HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\n\
         x-bench: upload {NUMBER} {size}\r\nContent-Length: {size}\r\n\r\n",
        job.prefix, job.address
    );
    wire.write(head.as_bytes()).await?;
    let mut at = 0;
    while at < size {
        let length = (size - at).min(PIECE);
        wire.write(job.pattern.slice(NUMBER, at, usize::try_from(length)?)).await?;
        at += length;
    }
    let head = ok_head(&mut wire).await?;
    let mut said = Vec::new();
    let mut framing = head.framing()?;
    while wire.body(&mut framing, |piece| said.extend_from_slice(piece)).await? {}
    if said != size.to_string().as_bytes() {
        job.faults.add(format!("upload: the answer differs: {}", said.escape_ascii()));
    }
    Ok(())
}

async fn download(job: &Job) -> Result<()> {
    let size = job.megabytes * 1_000_000;
    let mut wire = job.connect(ROOM).await?;
    let head = format!(
        "GET {}/v1/files/1/content HTTP/1.1\r\nHost: {}\r\nx-bench: download {NUMBER} {size}\r\n\r\n",
        job.prefix, job.address
    );
    wire.write(head.as_bytes()).await?;
    let mut framing = ok_head(&mut wire).await?.framing()?;
    let (mut at, mut same) = (0, true);
    let mut check = |piece: &[u8]| {
        same &= job.pattern.holds(NUMBER, at, piece);
        at += piece.len() as u64;
    };
    while wire.body(&mut framing, &mut check).await? {}
    if !same || at != size {
        job.faults.add(format!("download differs: same {same}, {at} of {size} bytes"));
    }
    Ok(())
}
