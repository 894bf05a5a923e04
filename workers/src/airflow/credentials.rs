//! What calls carry to be let in, and getting a new one when it has expired.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, LOCATION};
use reqwest::{Client, RequestBuilder, Url};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::api::{AirflowApi, PasswordLogin};
use super::error::AirflowFault;
use super::http::{send, shortened};
use super::mwaa;
use super::settings::AirflowAuth;

/// Between logins that do not help: a pass that never let anybody in is refused for another reason than its age, and a
/// login that did not work is not tried again by each of the many who waited for it.
const LOGIN_PAUSE: Duration = Duration::from_secs(5);

/// What a call carries.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pass {
    Cookie(String),
    Basic { user: String, password: String },
    Bearer(String),
}

impl Pass {
    pub(super) fn on(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Cookie(value) => request.header(COOKIE, format!("session={value}")),
            Self::Basic { user, password } => request.basic_auth(user, Some(password)),
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }
}

/// A pass with the number of the login that gave it.
#[derive(Clone)]
pub(super) struct Numbered {
    pub(super) pass: Pass,
    number: u64,
}

/// The pass in force.
pub(super) struct Credentials {
    auth: AirflowAuth,
    current: Mutex<Current>,
    /// The newest pass that let somebody in, by its number.
    worked: AtomicU64,
}

#[derive(Default)]
struct Current {
    pass: Option<Numbered>,
    /// The last login, and why it did not work.
    login: Option<(Instant, Option<AirflowFault>)>,
}

impl Credentials {
    pub(super) fn new(auth: AirflowAuth) -> Self {
        Self { auth, current: Mutex::default(), worked: AtomicU64::new(0) }
    }

    /// The pass in force; logs in if there is none yet.
    pub(super) async fn pass(&self, place: &Place<'_>) -> Result<Numbered, AirflowFault> {
        // held during the login, so that one logs in for all who wait
        let mut current = self.current.lock().await;
        if let Some(pass) = &current.pass {
            return Ok(pass.clone());
        }
        match self.given() {
            Some(pass) => Ok(current.take(pass, 1)),
            None => self.log_in_once(&mut current, 1, place).await,
        }
    }

    /// A newer pass than this one, which was refused; `None` if there is no way to get one.
    pub(super) async fn renewed(
        &self,
        refused: &Numbered,
        place: &Place<'_>,
    ) -> Result<Option<Numbered>, AirflowFault> {
        let mut current = self.current.lock().await;
        if let Some(newer) = current.pass.as_ref().filter(|pass| pass.number > refused.number) {
            return Ok(Some(newer.clone()));
        }
        let is_new =
            current.login.as_ref().is_some_and(|(at, fault)| fault.is_none() && at.elapsed() < LOGIN_PAUSE);
        let worked = self.worked.load(Ordering::Relaxed) >= refused.number;
        if (is_new && !worked) || !self.can_log_in(place.api) {
            return Ok(None);
        }
        self.log_in_once(&mut current, refused.number + 1, place).await.map(Some)
    }

    /// Notes that a pass let us in.
    pub(super) fn worked(&self, pass: &Numbered) {
        self.worked.fetch_max(pass.number, Ordering::Relaxed);
    }

    async fn log_in_once(
        &self,
        current: &mut Current,
        number: u64,
        place: &Place<'_>,
    ) -> Result<Numbered, AirflowFault> {
        if let Some((at, Some(fault))) = &current.login
            && at.elapsed() < LOGIN_PAUSE
        {
            return Err(fault.clone());
        }
        let done = self.log_in(place).await;
        current.login = Some((Instant::now(), done.as_ref().err().cloned()));
        Ok(current.take(done?, number))
    }

    /// What the settings hold ready.
    fn given(&self) -> Option<Pass> {
        match &self.auth {
            AirflowAuth::Session { cookie, .. } if !cookie.is_empty() => Some(Pass::Cookie(cookie.clone())),
            AirflowAuth::Basic { user, password } => {
                Some(Pass::Basic { user: user.clone(), password: password.clone() })
            }
            AirflowAuth::Bearer { token, .. } if !token.is_empty() => Some(Pass::Bearer(token.clone())),
            AirflowAuth::Session { .. } | AirflowAuth::Bearer { .. } | AirflowAuth::Mwaa(_) => None,
        }
    }

    fn can_log_in(&self, api: &dyn AirflowApi) -> bool {
        match &self.auth {
            AirflowAuth::Session { user, .. } => !user.is_empty(),
            AirflowAuth::Bearer { user, .. } => {
                !user.is_empty() && api.password_login() == PasswordLogin::Token
            }
            AirflowAuth::Mwaa(_) => true,
            AirflowAuth::Basic { .. } => false,
        }
    }

    async fn log_in(&self, place: &Place<'_>) -> Result<Pass, AirflowFault> {
        match &self.auth {
            AirflowAuth::Mwaa(settings) => mwaa::log_in(settings, place).await,
            AirflowAuth::Session { user, password, .. } | AirflowAuth::Bearer { user, password, .. }
                if self.can_log_in(place.api) =>
            {
                match place.api.password_login() {
                    PasswordLogin::Form => place.by_form(user, password).await,
                    PasswordLogin::Token => place.by_token(user, password).await,
                }
            }
            AirflowAuth::Session { .. } => Err(AirflowFault::Login(
                "neither airflow.session_token (MWAA_SESSION_TOKEN) nor airflow.user is set".to_owned(),
            )),
            AirflowAuth::Bearer { .. } | AirflowAuth::Basic { .. } => {
                Err(AirflowFault::Login("airflow.bearer_token is empty: set AIRFLOW_TOKEN".to_owned()))
            }
        }
    }
}

impl Current {
    fn take(&mut self, pass: Pass, number: u64) -> Numbered {
        let pass = Numbered { pass, number };
        self.pass = Some(pass.clone());
        pass
    }
}

/// Where a login goes.
pub(super) struct Place<'a> {
    pub(super) http: &'a Client,
    pub(super) base: &'a Url,
    pub(super) api: &'a dyn AirflowApi,
    pub(super) limit: Duration,
}

impl Place<'_> {
    /// An address below the base.
    pub(super) fn url(&self, path: &str) -> Url {
        below(self.base, path)
    }

    /// The form of Airflow 2: the page gives a token and a first cookie, both go back with user and password.
    async fn by_form(&self, user: &str, password: &str) -> Result<Pass, AirflowFault> {
        let page = send(self.http.get(self.url("login/")), self.limit).await?;
        page.check().map_err(|fault| fault.at_login("the page for logging in"))?;
        let token = csrf_token(&page.text())
            .ok_or_else(|| AirflowFault::Login("the page for logging in has no csrf_token".to_owned()))?;
        let first = page.cookie("session").unwrap_or_default();
        let fields = [("csrf_token", token.as_str()), ("username", user), ("password", password)];
        let post =
            form(self.http.post(self.url("login/")), &fields).header(COOKIE, format!("session={first}"));
        let answer = send(post, self.limit).await?;
        let to = answer.headers.get(LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if answer.status.is_server_error() {
            answer.check()?;
        }
        // a wrong password gives the page again, or sends back to it
        if !answer.status.is_redirection() || to.contains("/login") {
            return Err(AirflowFault::Login(format!(
                "Airflow did not accept user {user:?} and the password ({})",
                answer.status.as_u16()
            )));
        }
        answer
            .cookie("session")
            .map(Pass::Cookie)
            .ok_or_else(|| AirflowFault::Login("the answer sets no cookie \"session\"".to_owned()))
    }

    /// The call of Airflow 3.
    async fn by_token(&self, user: &str, password: &str) -> Result<Pass, AirflowFault> {
        let body = json!({"username": user, "password": password});
        let answer = send(self.http.post(self.url("auth/token")).json(&body), self.limit).await?;
        let told = answer.json().map_err(|fault| match fault {
            AirflowFault::Unauthorized { .. } => {
                AirflowFault::Login(format!("Airflow did not accept user {user:?} and the password (401)"))
            }
            other => other.at_login("/auth/token"),
        })?;
        told.get("access_token")
            .and_then(Value::as_str)
            .map(|token| Pass::Bearer(token.to_owned()))
            .ok_or_else(|| AirflowFault::Login(format!("no access_token in {}", shortened(&answer.text()))))
    }
}

/// A request with the fields of a form.
pub(super) fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// An address below another, whose path may have folders.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The token that the form must bring back: `name="csrf_token" … value="…"`, in either order.
fn csrf_token(page: &str) -> Option<String> {
    let at = page.find("name=\"csrf_token\"").or_else(|| page.find("id=\"csrf_token\""))?;
    let start = page[..at].rfind('<')?;
    let end = at + page[at..].find('>')?;
    let tag = &page[start..end];
    let value = &tag[tag.find("value=\"")? + "value=\"".len()..];
    Some(value[..value.find('"')?].to_owned())
}

#[cfg(test)]
mod tests {
    use super::{below, csrf_token};

    #[test]
    fn finds_the_token_of_the_form() {
        for page in [
            r#"<p><input id="csrf_token" name="csrf_token" type="hidden" value="IjA.x-y"></p>"#,
            r#"<input type="hidden" value="IjA.x-y" name="csrf_token"/>"#,
        ] {
            assert_eq!(csrf_token(page).as_deref(), Some("IjA.x-y"), "{page}");
        }
        assert_eq!(csrf_token("<html>maintenance</html>"), None);
    }

    #[test]
    fn addresses_keep_the_folders_of_the_base() {
        let base = "https://h:8/a/".parse().expect("an address");
        assert_eq!(below(&base, "api/v1/dags").as_str(), "https://h:8/a/api/v1/dags");
    }
}
