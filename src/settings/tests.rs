#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn load(flags: &Flags, environment: &[(&str, &str)]) -> anyhow::Result<Settings> {
    let owned = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Settings::from(flags, owned.collect())
}

#[test]
fn nothing_chosen_means_the_defaults() {
    assert_eq!(load(&Flags::default(), &[("HOME", "/")]).unwrap(), Settings::default());
}

#[test]
fn a_flag_wins_over_the_environment() {
    let environment = [("DAYBOOK_LISTEN", "127.0.0.1:1"), ("DAYBOOK_DATA_DIR", "a")];
    let flags = Flags { listen: "127.0.0.1:2".parse().ok(), ..Flags::default() };
    let settings = load(&flags, &environment).unwrap();
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.data_dir, Path::new("a"));
}

#[test]
fn text_that_looks_like_a_number_stays_text_and_numbers_are_numbers() {
    let environment = [
        ("DAYBOOK_ISSUER", "007"),
        ("DAYBOOK_PROXY_HOPS", "2"),
        ("DAYBOOK_RATE_LIMITS", "false"),
        ("DAYBOOK_CORS_ORIGINS", "http://a, http://b"),
    ];
    let settings = load(&Flags::default(), &environment).unwrap();
    assert_eq!(settings.issuer, "007");
    assert_eq!((settings.proxy_hops, settings.rate_limits), (2, false));
    assert_eq!(settings.cors_origins, ["http://a", "http://b"]);
}

#[test]
fn an_unknown_setting_is_an_error_that_names_it() {
    let error = load(&Flags::default(), &[("DAYBOOK_LISTNE", "x")]).unwrap_err().to_string();
    assert!(error.contains("listne"), "{error}");
}

#[test]
fn a_secret_comes_from_a_file_too_and_is_never_shown() {
    let file = env::temp_dir().join(format!("daybook-secret-{}", std::process::id()));
    fs::write(&file, "postgresql://u:p@h/d\n").unwrap();
    let name = file.to_str().unwrap();
    let settings = load(&Flags::default(), &[("DATABASE_URL_FILE", name)]).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(settings.database_url.as_ref().unwrap().expose(), "postgresql://u:p@h/d");
    assert!(!format!("{settings:?}").contains("u:p"), "{settings:?}");
    assert!(!serde_json::to_string(&settings).unwrap().contains("u:p"));
}

#[test]
fn a_value_that_is_none_is_an_error_that_names_what_can_be_chosen() {
    let environment = [("DAYBOOK_VECTOR_INDEX", "elsewhere")];
    let error = load(&Flags::default(), &environment).unwrap_err().to_string();
    for said in ["vector_index", "elsewhere", "memory", "postgres", "qdrant"] {
        assert!(error.contains(said), "{error}");
    }
}
