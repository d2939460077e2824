//! `/api/v1/xmpp/attachments/{id}`: customers' files, and how files are listed with their messages.

use std::fmt::Write;

use axum::{
    body::Body,
    extract::{FromRequestParts, Path, State},
    http::{
        HeaderValue, Uri,
        header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use deskbridge_entity::attachment::{Model, State as Fate};
use futures::stream;
use serde::Serialize;
use tokio::{fs::File, io::AsyncReadExt};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Api, ApiError, error::Envelope};
use crate::{
    attachments::kind,
    helpdesk::{Caller, Role},
};

/// The longest URL of a file that goes out, in bytes.
const LONGEST_LINK: usize = 2048;
/// Bytes read from a file at once.
const CHUNK: usize = 64 * 1024;

/// A file of a message.
#[derive(Serialize, ToSchema)]
pub(super) struct AttachmentOut {
    id: Uuid,
    name: Option<String>,
    media_type: Option<String>,
    size: Option<i64>,
    state: &'static str,
    /// Where to get it: here, or where its sender put it.
    url: String,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl AttachmentOut {
    pub(super) fn new(file: Model, reader: &Caller) -> Self {
        Self {
            id: file.id,
            state: match file.state {
                Fate::Pending => "pending",
                Fate::Stored => "stored",
                Fate::Refused => "refused",
                Fate::Linked => "linked",
            },
            url: if file.state == Fate::Linked { file.url } else { format!("/api/v1/xmpp/attachments/{}", file.id) },
            name: file.media_type.as_deref().map(|kind| kind::named(file.name.as_deref(), kind)).or(file.name),
            media_type: file.media_type,
            size: file.size,
            failure: file.failure.filter(|_| may_know_why(reader)),
        }
    }
}

/// The reason can tell what our network looks like from inside, which a customer must not be able to find out.
fn may_know_why(reader: &Caller) -> bool {
    reader.role != Role::Customer
}

/// The attachment that the path names. One that is no id names none.
#[derive(utoipa::IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(super) struct AttachmentId(Uuid);

impl FromRequestParts<Api> for AttachmentId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let unknown = || ApiError::NotFound("attachment not found".to_owned());
        let Path(id) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| unknown())?;
        Uuid::parse_str(&id).map(Self).map_err(|_| unknown())
    }
}

/// The bytes, never to be shown in place: they are a stranger's.
#[utoipa::path(
    get, path = "/api/v1/xmpp/attachments/{id}", operation_id = "attachment_show", tag = "messages",
    params(AttachmentId),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 409, description = "It has not been fetched yet", body = Envelope),
    )
)]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    AttachmentId(id): AttachmentId,
) -> Result<Response, ApiError> {
    let row = api.helpdesk.attachment(&caller, id).await?;
    match row.state {
        Fate::Stored => {}
        Fate::Pending => return Err(ApiError::Conflict("this file has not been fetched yet".to_owned())),
        Fate::Refused => {
            let reason = row.failure.filter(|_| may_know_why(&caller)).map(|why| format!(": {why}"));
            return Err(ApiError::NotFound(format!("this file was not kept{}", reason.unwrap_or_default())));
        }
        Fate::Linked => return Err(ApiError::NotFound("this file lies elsewhere: its message has the URL".to_owned())),
    }
    let media_type = row.media_type.unwrap_or_default();
    let (file, size) =
        api.attachments.read(id).await.map_err(|error| ApiError::Internal(format!("attachment {id}: {error}")))?;
    if i64::try_from(size).ok() != row.size {
        return Err(ApiError::Internal(format!("attachment {id} has {size} bytes instead of {:?}", row.size)));
    }
    let mut response = Body::from_stream(stream::unfold(Some(file), next_chunk)).into_response();
    let headers = response.headers_mut();
    let content_type = if media_type == "text/plain" { "text/plain; charset=utf-8" } else { &media_type };
    let unusable = |_| ApiError::Internal(format!("attachment {id} makes no header"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).map_err(unusable)?);
    let disposition = disposition(&kind::named(row.name.as_deref(), &media_type));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(unusable)?);
    headers.insert(CONTENT_LENGTH, size.into());
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    Ok(response)
}

async fn next_chunk(file: Option<File>) -> Option<(std::io::Result<Bytes>, Option<File>)> {
    let mut file = file?;
    let mut chunk = vec![0; CHUNK];
    match file.read(&mut chunk).await {
        Ok(0) => None,
        Ok(length) => {
            chunk.truncate(length);
            Some((Ok(chunk.into()), Some(file)))
        }
        Err(error) => Some((Err(error), None)),
    }
}

/// RFC 6266 §4.3: the name for old clients in plain letters, and as it is (RFC 8187 §3.2).
fn disposition(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ._-+()".contains(c);
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut header = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            header.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(header, "%{byte:02X}");
        }
    }
    header
}

/// The URL of a file that goes out: customers' clients open it, so it must be a plain https one.
pub(super) fn link(field: &str, text: String) -> Result<String, ApiError> {
    let wrong = || ApiError::invalid(field, format!("must be an https URL of at most {LONGEST_LINK} bytes"));
    // A URI without its fragment; what is behind `#` never leaves a client.
    let uri = text.split('#').next().unwrap_or_default();
    let parsed: Uri = uri.parse().map_err(|_| wrong())?;
    let authority = parsed.authority().ok_or_else(wrong)?;
    let is_fine = parsed.scheme_str() == Some("https")
        && !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && text.starts_with("https://")
        && text.len() <= LONGEST_LINK
        && text.chars().all(|c| c.is_ascii_graphic());
    if is_fine { Ok(text) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_in_both_spellings() {
        assert_eq!(disposition("cat 1.png"), "attachment; filename=\"cat 1.png\"; filename*=UTF-8''cat%201.png");
        assert_eq!(
            disposition("Größe\"; x=\r\n.txt"),
            "attachment; filename=\"Gr__e__ x___.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%22%3B%20x%3D%0D%0A.txt"
        );
    }

    #[test]
    fn only_plain_https_urls_go_out() {
        for fine in
            ["https://files.example/a/b.pdf", "https://files.example:8443/x?y=z#page", "https://[2001:db8::1]/x"]
        {
            assert_eq!(link("attachment_url", fine.to_owned()).unwrap(), fine);
        }
        for bad in [
            "",
            "http://files.example/x",
            "https://",
            "https:///x",
            "/x",
            "files.example/x",
            "javascript:alert(1)",
            "https://me:pw@files.example/x",
            "https://files.example/a b",
            "https://files.example/\nx",
            "https://files.example/ä",
            "https://files.example/#a b",
            "HTTPS://files.example/x",
        ] {
            let error = link("attachment_url", bad.to_owned()).unwrap_err();
            assert!(
                matches!(&error, ApiError::Invalid(text) if text.starts_with("attachment_url: ")),
                "{bad}: {error}"
            );
        }
        assert!(link("attachment_url", format!("https://files.example/{}", "x".repeat(LONGEST_LINK))).is_err());
    }
}
