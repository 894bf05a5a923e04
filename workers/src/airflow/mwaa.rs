//! Amazon's managed Airflow: a signed request gives a web login token, and that a session.
//!
//! ```text
//! POST https://env.airflow.<region>.amazonaws.com/webtoken/<environment>   signed ──> WebToken, WebServerHostname
//! POST <airflow>/aws_mwaa/login  token=<WebToken>                                 ──> cookie "session" (Airflow 2)
//! POST <airflow>/pluginsv2/aws_mwaa/login                                         ──> cookie "_token"  (Airflow 3)
//! ```
//!
//! A web login token is good for a minute and for one login; the session lasts hours and is renewed when it is refused.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Url;
use serde_json::Value;

use super::credentials::{Pass, Place, form};
use super::error::AirflowFault;
use super::http::send;
use super::settings::MwaaSettings;

/// Logs in with the keys of the account.
pub(super) async fn log_in(settings: &MwaaSettings, place: &Place<'_>) -> Result<Pass, AirflowFault> {
    let token = web_token(settings, place).await?;
    let (path, cookie) = place.api.mwaa_login();
    let answer = send(form(place.http.post(place.url(path)), &[("token", &token)]), place.limit).await?;
    if !(answer.status.is_success() || answer.status.is_redirection()) {
        answer.check().map_err(|fault| fault.at_login(&format!("/{path}")))?;
    }
    let value = answer.cookie(cookie).ok_or_else(|| {
        AirflowFault::Login(format!(
            "/{path} answered {} without a cookie {cookie:?}",
            answer.status.as_u16()
        ))
    })?;
    Ok(if cookie == "session" { Pass::Cookie(value) } else { Pass::Bearer(value) })
}

async fn web_token(settings: &MwaaSettings, place: &Place<'_>) -> Result<String, AirflowFault> {
    if settings.environment.is_empty() || settings.access_key.is_empty() {
        return Err(AirflowFault::Login(
            "airflow.mwaa_environment and the keys of AWS (AWS_ACCESS_KEY_ID) are needed for auth \"mwaa\""
                .to_owned(),
        ));
    }
    let url = token_url(settings)?;
    let mut request = place.http.post(url.clone());
    for (name, value) in signature(settings, &url, SystemTime::now())? {
        request = request.header(name, value);
    }
    let answer = send(request, place.limit).await?;
    let what = format!("web login token of {:?}", settings.environment);
    let told = answer.json().map_err(|fault| fault.at_login(&what))?;
    told.get("WebToken")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| AirflowFault::Login("the answer to create-web-login-token has no WebToken".to_owned()))
}

fn token_url(settings: &MwaaSettings) -> Result<Url, AirflowFault> {
    let base = match settings.token_endpoint.as_str() {
        "" => format!("https://env.airflow.{}.amazonaws.com", settings.region),
        given => given.trim_end_matches('/').to_owned(),
    };
    let mut url = Url::parse(&base).map_err(|e| {
        AirflowFault::Settings(format!("airflow.mwaa_token_endpoint {base:?} is no address: {e}"))
    })?;
    url.path_segments_mut()
        .map_err(|()| AirflowFault::Settings(format!("airflow.mwaa_token_endpoint {base:?} has no path")))?
        .pop_if_empty()
        .extend(["webtoken", &settings.environment]);
    Ok(url)
}

/// The headers that sign the request for a token.
fn signature(
    settings: &MwaaSettings,
    url: &Url,
    time: SystemTime,
) -> Result<Vec<(String, String)>, AirflowFault> {
    let fault =
        |error: &dyn std::fmt::Display| AirflowFault::Login(format!("could not sign the request: {error}"));
    let keys = Credentials::new(
        &settings.access_key,
        &settings.secret_key,
        settings.session_token.clone(),
        None,
        "podium",
    );
    let identity = keys.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&settings.region)
        .name("airflow")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|e| fault(&e))?
        .into();
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let headers = [("host", host.as_str())];
    let request = SignableRequest::new("POST", url.as_str(), headers.into_iter(), SignableBody::Bytes(&[]))
        .map_err(|e| fault(&e))?;
    let (instructions, _) = sign(request, &params).map_err(|e| fault(&e))?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::settings::MwaaSettings;
    use super::{signature, token_url};

    #[test]
    fn the_request_for_a_token_is_signed_for_the_environment() {
        let mut settings = MwaaSettings {
            environment: "my env".to_owned(),
            region: "eu-west-1".to_owned(),
            token_endpoint: String::new(),
            access_key: "AKID".to_owned(),
            secret_key: "secret".to_owned(),
            session_token: Some("temporary".to_owned()),
        };
        let url = token_url(&settings).expect("an address");
        assert_eq!(url.as_str(), "https://env.airflow.eu-west-1.amazonaws.com/webtoken/my%20env");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let headers = signature(&settings, &url, time).expect("signed");
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let authorization = header("authorization").expect("the signature");
        assert!(
            authorization.starts_with(
                "AWS4-HMAC-SHA256 Credential=AKID/20231114/eu-west-1/airflow/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="
            ),
            "{authorization}"
        );
        assert_eq!(header("x-amz-security-token"), Some("temporary"));
        settings.secret_key = "another".to_owned();
        let other = signature(&settings, &url, time).expect("signed");
        assert_ne!(headers, other);
    }
}
