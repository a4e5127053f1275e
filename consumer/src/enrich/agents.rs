//! Browser, system and device of a user agent, by uap-core's rules. The names are those of
//! uap-core, except that a browser has one name on all devices (the device is a column of its own),
//! and that systems have the names that older rows have, too.

use serde::Deserialize;
use ua_parser::{os, user_agent};

/// Browsers inside apps that uap-core does not know, or not on each system.
pub(super) const OWN_BROWSERS: [(&str, &str); 9] = [
    (r"\[?LinkedInApp\]?", "LinkedIn"),
    (r"MicroMessenger/", "WeChat"),
    (r"KAKAOTALK", "KakaoTalk"),
    (r"(?:musical_ly|BytedanceWebview|com\.zhiliaoapp\.musically|com\.ss\.android\.ugc)", "TikTok"),
    (r" Viber/", "Viber"),
    (r"Barcelona \d", "Threads"),
    (r"VK(?:AndroidApp|iOSApp)|com\.vk\.", "VK"),
    (r"Zalo (?:android|iOS)", "Zalo"),
    (r"ArkWeb/", "Huawei Browser"),
];

/// Systems that uap-core does not know.
pub(super) const OWN_SYSTEMS: [(&str, &str); 2] =
    [(r"OpenHarmony", "HarmonyOS"), (r"PlayStation", "PlayStation")];

/// A name that a rule takes out of the user agent is a visitor's text: longer ones are no names.
const MAX_NAME_CHARS: usize = 40;

/// The rules for browsers and systems. Those for models of devices are not used: no column has
/// them, and they would be most of the memory.
pub(super) struct Agents {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

/// The file without the models of devices.
#[derive(Deserialize)]
struct File {
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

impl Agents {
    /// Reads the rules and compiles them.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let own = OWN_BROWSERS.map(|(regex, name)| user_agent::Parser {
            regex: regex.into(),
            family_replacement: Some(name.into()),
            ..Default::default()
        });
        let browsers = user_agent::Builder::new()
            .push_all(own.into_iter().chain(file.user_agent_parsers))
            .map_err(text_of)?
            .build()
            .map_err(text_of)?;
        let own = OWN_SYSTEMS.map(|(regex, name)| os::Parser {
            regex: regex.into(),
            os_replacement: Some(name.into()),
            ..Default::default()
        });
        let systems = os::Builder::new()
            .push_all(own.into_iter().chain(file.os_parsers))
            .map_err(text_of)?
            .build()
            .map_err(text_of)?;
        Ok(Self { browsers, systems })
    }

    /// The browser, or the app with a browser inside; empty if unknown.
    pub(super) fn browser(&self, agent: &str) -> String {
        let family = self.browsers.extract(agent).map(|found| found.family);
        let family = family.as_deref().unwrap_or_default();
        let name = match family {
            "Other" => "",
            "Chrome Mobile" | "Chrome Mobile iOS" => "Chrome",
            "Chrome Mobile WebView" | "Mobile Safari UI/WKWebView" => "Webview",
            "Mobile Safari" => "Safari",
            "Firefox Mobile" | "Firefox iOS" => "Firefox",
            "Edge Mobile" => "Edge",
            "Opera Mobile" | "Opera Tablet" => "Opera",
            "IE" | "IE Mobile" => "Internet Explorer",
            "Android" => "Android Browser",
            other => other,
        };
        short(name).to_owned()
    }

    /// The system, for Windows with its version; empty if unknown.
    pub(super) fn system(&self, agent: &str) -> String {
        let Some(found) = self.systems.extract(agent) else { return String::new() };
        let name = match &*found.os {
            "Windows" => return short(&windows(found.major.as_deref(), found.minor.as_deref())).to_owned(),
            "iOS" if agent.contains("iPad") => "iPad",
            "iOS" if agent.contains("iPod") => "iPod",
            "iOS" => "iPhone",
            "Mac OS X" => "Mac OSX",
            "Chrome OS" => "ChromeOS",
            "ATV OS X" => "tvOS",
            "Web0S" => "webOS",
            "Ubuntu" | "Kubuntu" | "Debian" | "Fedora" | "Red Hat" | "CentOS" | "Gentoo" | "Arch Linux"
            | "Linux Mint" | "Mandriva" | "PCLinuxOS" | "Puppy" | "Slackware" | "openSUSE" | "SUSE" => {
                "Linux"
            }
            "Other" => "",
            other => other,
        };
        short(name).to_owned()
    }

    /// Returns the name and two parts of the version that a rule finds, without the names of rows.
    #[cfg(test)]
    pub(super) fn found(&self, kind: &str, agent: &str) -> [String; 3] {
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let found = if kind == "ua" {
            let found = self.browsers.extract(agent);
            found.map(|found| [found.family.into_owned(), text(found.major), text(found.minor)])
        } else {
            let found = self.systems.extract(agent);
            found.map(|found| {
                [found.os.into_owned(), text(found.major.as_deref()), text(found.minor.as_deref())]
            })
        };
        found.unwrap_or_else(|| ["Other".to_owned(), String::new(), String::new()])
    }
}

fn text_of(error: impl Into<ua_parser::Error>) -> String {
    let error: ua_parser::Error = error.into();
    error.to_string()
}

fn short(name: &str) -> &str {
    if name.chars().count() > MAX_NAME_CHARS { "" } else { name.trim() }
}

/// `Windows 10`, also for 11, which browsers do not tell apart; `Windows 8.1`; `Windows XP`.
fn windows(major: Option<&str>, minor: Option<&str>) -> String {
    match (major, minor) {
        (Some(major), Some(minor)) if major == "8" => format!("Windows {major}.{minor}"),
        (Some(major), _) => format!("Windows {major}"),
        (None, _) => "Windows".to_owned(),
    }
}

const TELEVISIONS: [&str; 22] = [
    "SmartTV",
    "SMART-TV",
    "Smart-TV",
    "Smart TV",
    "GoogleTV",
    "Google TV",
    "AndroidTV",
    "Android TV",
    "AppleTV",
    "Apple TV",
    "HbbTV",
    "BRAVIA",
    "CrKey",
    "Roku",
    "NetCast",
    "NETTV",
    "PhilipsTV",
    "Viera",
    "MiTV",
    "MIBOX",
    "Large Screen",
    "; AFT",
];
const TABLETS: [&str; 5] = ["iPad", "Tablet", "PlayBook", "Kindle", "Silk/"];
const MOBILES: [&str; 18] = [
    "Mobile",
    "Android",
    "iPhone",
    "iPod",
    "Phone",
    "Opera Mini",
    "Opera Mobi",
    "KAIOS",
    "BlackBerry",
    "BB10",
    "Symb",
    "Series60",
    "Series40",
    "J2ME",
    "MIDP",
    "UCWEB",
    "Nokia",
    "DoCoMo",
];
const DESKTOP_SYSTEMS: [&str; 7] =
    ["Windows", "Mac OSX", "Mac OS", "Linux", "ChromeOS", "FreeBSD", "Solaris"];

/// The kind of device. A tablet with Android is the one whose browser does not say "Mobile"; apps
/// and Opera Mini never say it.
pub(super) fn device(agent: &str, system: &str) -> &'static str {
    let has_one_of = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    if has_one_of(&TELEVISIONS) || matches!(system, "tvOS" | "webOS" | "Roku" | "FireHbbTV") {
        return "tv";
    }
    if system.starts_with("Windows") && !has_one_of(&["Windows Phone", "IEMobile", "Windows CE"]) {
        return "desktop";
    }
    let is_mobile = agent.contains("Mobile");
    let is_browser = agent.starts_with("Mozilla/") && !agent.contains("Opera Mini");
    if has_one_of(&TABLETS[..3])
        || has_one_of(&TABLETS[3..]) && !is_mobile
        || agent.contains("Android") && is_browser && !is_mobile
    {
        "tablet"
    } else if has_one_of(&MOBILES) {
        "mobile"
    } else if DESKTOP_SYSTEMS.iter().any(|desktop| system.starts_with(desktop)) {
        "desktop"
    } else {
        "other"
    }
}
