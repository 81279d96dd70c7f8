//! Upgrades: the request goes on with its Upgrade, and once the upstream has agreed, bytes go both ways untouched.

use std::sync::Arc;

use bytes::BytesMut;
use http::{Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::body::{Body, describe};
use super::connect::{Failure, Offer};
use super::pool::{broke_off, http1_builder};
use super::relay::{Call, Shared, answer};
use super::word::Word;
use crate::model::{Closer, Direction, Ending};
use crate::tape::{ResponseHead, Tap, lines_of};

/// What is read at once. Frames are small, and a larger one takes several reads.
const CHUNK: usize = 16 << 10;

/// Sends the call on over a connection of its own, HTTP/1.1 in any case.
pub async fn relay(shared: &Arc<Shared>, call: Call, client: OnUpgrade) -> Result<Response<Body>, Failure> {
    let Call { upstream, request, tap, client: version } = call;
    let stream = shared.pool.connector().connect(&upstream, Offer::Http1).await?;
    let handshake = http1_builder().handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| broke_off(&upstream, &error))?;
    shared.pool.tasks().spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(error = describe(&error), "a connection to an upstream ended");
        }
    });
    let mut response = sender.send_request(request).await.map_err(|error| broke_off(&upstream, &error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(answer(response, None, &tap, version, &shared.kill));
    }
    let upstream_side = hyper::upgrade::on(&mut response);
    let (mut parts, _) = response.into_parts();
    let headers = lines_of(&parts.headers);
    parts.headers = super::headers::response(parts.headers, true);
    tap.response_head(ResponseHead { status: parts.status, version: parts.version, headers, ours: false });
    let kill = shared.kill.clone();
    shared.calls.spawn(async move {
        match tokio::try_join!(client, upstream_side) {
            Ok((client, upstream)) => tunnel(client, upstream, &tap, &kill).await,
            Err(error) => tracing::debug!(error = describe(&error), "an upgrade did not come about"),
        }
    });
    Ok(Response::from_parts(parts, Body::own(bytes::Bytes::new())))
}

/// Carries bytes until both sides have ended, or one has broken off.
async fn tunnel(client: Upgraded, upstream: Upgraded, tap: &Tap, kill: &Word) {
    let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let (from_upstream, to_upstream) = tokio::io::split(TokioIo::new(upstream));
    let both = async {
        let up = carry(from_client, to_upstream, tap, Direction::Request);
        let down = carry(from_upstream, to_client, tap, Direction::Response);
        // An error on either side ends both: dropping the sockets tells the other side.
        let _ = tokio::try_join!(up, down);
    };
    tokio::select! {
        () = both => {}
        () = kill.heard() => {}
    }
}

type Side = TokioIo<Upgraded>;

/// Carries one direction; an end of it is handed on as one, while the other direction goes on.
async fn carry(
    mut from: ReadHalf<Side>,
    mut to: WriteHalf<Side>,
    tap: &Tap,
    direction: Direction,
) -> Result<(), ()> {
    let (reader, writer) = match direction {
        Direction::Request => (Closer::Client, Closer::Upstream),
        Direction::Response => (Closer::Upstream, Closer::Client),
    };
    let broken = |by, error: &std::io::Error| {
        tap.closed(direction, Ending::Broken { by, why: error.to_string() });
        Err(())
    };
    let mut buffer = BytesMut::new();
    loop {
        std::future::poll_fn(|cx| tap.poll_room(cx)).await;
        buffer.reserve(CHUNK);
        match from.read_buf(&mut buffer).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return broken(reader, &error),
        }
        let chunk = buffer.split().freeze();
        tap.data(direction, &chunk);
        let written = async {
            to.write_all(&chunk).await?;
            to.flush().await
        };
        if let Err(error) = written.await {
            return broken(writer, &error);
        }
    }
    tap.closed(direction, Ending::Complete);
    // The other side may be gone already, and then there is nobody left to tell.
    let _ = to.shutdown().await;
    Ok(())
}
