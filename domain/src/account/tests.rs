use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{
    email_changed, events, key, key_created, profile_changes, refresh_reused, register, registered,
    reset, reset_requested, scopes,
};
use super::{
    Account, Command, Event, Phone, ProfileChanges, Refusal, ResetToken, Scope, Scopes, ScopesError,
};
use crate::{
    Claim, Personal, Recorded, Role,
    samples::{ada, at, bob, text},
};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Account> {
    TestFramework::with(()).given(history.into())
}

fn active() -> Event {
    registered(ada(), "ada@example.org")
}

fn granted(role: Role) -> Event {
    Event::RoleGranted { account: ada(), role, at: at(1) }
}

fn grant(role: Role) -> Command {
    Command::GrantRole { account: ada(), role, at: at(1) }
}

fn revoke(role: Role) -> Command {
    Command::RevokeRole { account: ada(), role, at: at(2) }
}

fn deactivated() -> Event {
    Event::AccountDeactivated { account: ada(), at: at(5) }
}

fn erased() -> Event {
    Event::AccountErased { account: ada(), at: at(7) }
}

fn change_profile(changes: ProfileChanges) -> Command {
    Command::ChangeProfile { account: ada(), changes, at: at(1) }
}

#[test]
fn somebody_registers() {
    given([]).when(register(ada(), "ada@example.org")).then_expect_events(vec![active()]);
}

#[test]
fn an_account_is_registered_once() {
    given([active()])
        .when(register(ada(), "other@example.org"))
        .then_expect_error(Refusal::AlreadyRegistered);
}

#[test]
fn nothing_can_be_asked_of_an_unknown_account() {
    given([]).when(grant(Role::Auditor)).then_expect_error(Refusal::Unknown);
    given([])
        .when(Command::Erase { account: ada(), at: at(0) })
        .then_expect_error(Refusal::Unknown);
}

#[test]
fn a_profile_changes_in_the_fields_given() {
    given([active()]).when(change_profile(profile_changes())).then_expect_events(vec![
        Event::ProfileChanged { account: ada(), changes: profile_changes(), at: at(1) },
    ]);
    given([active()]).when(change_profile(ProfileChanges::default())).then_expect_events(vec![]);
}

#[test]
fn an_email_changes() {
    let email = Personal::new(ada(), text("ada.king@example.org"));
    given([active()])
        .when(Command::ChangeEmail { account: ada(), email, at: at(2) })
        .then_expect_events(vec![email_changed(ada(), "ada.king@example.org")]);
}

#[test]
fn a_password_changes_while_the_account_is_active() {
    let change = || Command::ChangePassword { account: ada(), at: at(2) };
    let changed = Event::PasswordChanged { account: ada(), at: at(2) };
    given([active()]).when(change()).then_expect_events(vec![changed]);
    let deactivated = Event::AccountDeactivated { account: ada(), at: at(1) };
    given([active(), deactivated]).when(change()).then_expect_error(Refusal::Deactivated);
    given([]).when(change()).then_expect_error(Refusal::Unknown);
}

#[test]
fn a_role_is_granted_and_revoked_once() {
    let role = Role::Instructor;
    given([active()]).when(grant(role)).then_expect_events(vec![granted(role)]);
    given([active(), granted(role)]).when(grant(role)).then_expect_events(vec![]);
    let revoked = Event::RoleRevoked { account: ada(), role, at: at(2) };
    given([active(), granted(role)]).when(revoke(role)).then_expect_events(vec![revoked]);
    given([active()]).when(revoke(role)).then_expect_events(vec![]);
}

#[test]
fn everyone_is_a_member_and_operators_are_kept_elsewhere() {
    given([active()]).when(grant(Role::Member)).then_expect_events(vec![]);
    given([active()]).when(revoke(Role::Member)).then_expect_error(Refusal::EveryoneIsMember);
    for command in [grant(Role::Operator), revoke(Role::Operator)] {
        given([active()]).when(command).then_expect_error(Refusal::OperatorsAreElsewhere);
    }
}

#[test]
fn a_deactivated_account_does_nothing_until_reactivated() {
    let deactivate = Command::Deactivate { account: ada(), at: at(5) };
    let reactivate = Command::Reactivate { account: ada(), at: at(6) };
    let reactivated = Event::AccountReactivated { account: ada(), at: at(6) };
    given([active()]).when(deactivate.clone()).then_expect_events(vec![deactivated()]);
    given([active(), deactivated()]).when(deactivate).then_expect_events(vec![]);
    given([active(), deactivated()])
        .when(change_profile(profile_changes()))
        .then_expect_error(Refusal::Deactivated);
    given([active(), deactivated()])
        .when(reactivate.clone())
        .then_expect_events(vec![reactivated.clone()]);
    given([active(), deactivated(), reactivated]).when(reactivate).then_expect_events(vec![]);
}

#[test]
fn a_deactivated_account_can_still_lose_a_role() {
    let role = Role::Auditor;
    let revoked = Event::RoleRevoked { account: ada(), role, at: at(2) };
    given([active(), granted(role), deactivated()])
        .when(revoke(role))
        .then_expect_events(vec![revoked]);
}

#[test]
fn a_refresh_token_in_two_hands_is_recorded_even_of_who_is_deactivated_and_changes_nothing() {
    let report = || {
        let (account, session) = (ada(), crate::samples::uuid(5).into());
        Command::ReportRefreshReuse { account, session, at: at(8) }
    };
    given([active()]).when(report()).then_expect_events(vec![refresh_reused(ada())]);
    given([active(), deactivated()]).when(report()).then_expect_events(vec![refresh_reused(ada())]);
    given([active(), erased()]).when(report()).then_expect_error(Refusal::Erased);
    let mut state = Account::default();
    state.apply(active());
    let before = state.clone();
    state.apply(refresh_reused(ada()));
    assert_eq!(state, before);
}

#[test]
fn an_erased_account_stays_erased() {
    let erase = Command::Erase { account: ada(), at: at(7) };
    given([active()]).when(erase.clone()).then_expect_events(vec![erased()]);
    given([active(), deactivated()]).when(erase.clone()).then_expect_events(vec![erased()]);
    given([active(), erased()]).when(erase).then_expect_events(vec![]);
    given([active(), erased()])
        .when(Command::Reactivate { account: ada(), at: at(8) })
        .then_expect_error(Refusal::Erased);
    given([active(), erased()])
        .when(register(ada(), "ada@example.org"))
        .then_expect_error(Refusal::AlreadyRegistered);
}

#[test]
fn an_email_belongs_to_one_account_whatever_its_case() {
    let take = |key: &str| Claim::Unique {
        kind: "email",
        key: key.into(),
        holder: bob().to_string(),
        personal: true,
    };
    let release = || Claim::Release { kind: "email", holder: bob().to_string() };
    assert_eq!(Account::claims(&registered(bob(), "Bob@Example.org")), [take("bob@example.org")]);
    assert_eq!(
        Account::claims(&email_changed(bob(), "BOB@example.net")),
        [release(), take("bob@example.net")]
    );
    let erased = Event::AccountErased { account: bob(), at: at(0) };
    assert_eq!(Account::claims(&erased), [release()]);
    assert_eq!(Account::erases(&erased), Some(bob()));
    assert_eq!(Account::erases(&deactivated()), None);
}

#[test]
fn a_phone_number_has_the_form_of_e164() {
    assert!("+442071234567".parse::<Phone>().is_ok());
    for text in ["442071234567", "+0123456789", "+44 20 7123", "+123", "+1234567890123456"] {
        assert!(text.parse::<Phone>().is_err(), "{text}");
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}

fn requested(number: u128, second: i64) -> Event {
    reset_requested(ada(), number, second)
}

fn request_reset(number: u128, second: i64) -> Command {
    Command::RequestPasswordReset { account: ada(), reset: reset(number), at: at(second) }
}

fn reset_password(number: u128, second: i64) -> Command {
    Command::ResetPassword { account: ada(), reset: reset(number), at: at(second) }
}

fn password_changed(second: i64) -> Event {
    Event::PasswordChanged { account: ada(), at: at(second) }
}

#[test]
fn a_letter_opens_the_account_once() {
    given([active()]).when(request_reset(1, 10)).then_expect_events(vec![requested(1, 10)]);
    given([active(), requested(1, 10)])
        .when(reset_password(1, 20))
        .then_expect_events(vec![password_changed(20)]);
    given([active(), requested(1, 10), password_changed(20)])
        .when(reset_password(1, 30))
        .then_expect_error(Refusal::ResetVoid);
}

#[test]
fn a_letter_works_for_an_hour_and_only_until_the_next_one() {
    given([active(), requested(1, 0)])
        .when(reset_password(1, 3_599))
        .then_expect_events(vec![password_changed(3_599)]);
    given([active(), requested(1, 0)])
        .when(reset_password(1, 3_600))
        .then_expect_error(Refusal::ResetVoid);
    given([active(), requested(1, 0), requested(2, 60)])
        .when(reset_password(1, 61))
        .then_expect_error(Refusal::ResetVoid);
    given([active()]).when(reset_password(1, 0)).then_expect_error(Refusal::ResetVoid);
}

#[test]
fn a_letter_to_an_address_of_the_past_opens_nothing() {
    let moved = email_changed(ada(), "ada.king@example.org");
    given([active(), requested(1, 0), moved])
        .when(reset_password(1, 10))
        .then_expect_error(Refusal::ResetVoid);
}

#[test]
fn whose_account_is_closed_gets_no_letter_and_no_password() {
    let back = Event::AccountReactivated { account: ada(), at: at(6) };
    for (closed, refusal) in [(deactivated(), Refusal::Deactivated), (erased(), Refusal::Erased)] {
        for command in [request_reset(2, 10), reset_password(1, 10)] {
            given([active(), requested(1, 0), closed.clone()])
                .when(command)
                .then_expect_error(refusal);
        }
    }
    given([active(), requested(1, 0), deactivated(), back])
        .when(reset_password(1, 10))
        .then_expect_error(Refusal::ResetVoid);
}

#[test]
fn nobody_is_sent_more_than_five_letters_an_hour() {
    let five = (1..=5).map(|number| requested(number, number as i64 - 1));
    let history: Vec<Event> = std::iter::once(active()).chain(five).collect();
    let asked = |command| TestFramework::<Account>::with(()).given(history.clone()).when(command);
    asked(request_reset(6, 5)).then_expect_events(vec![]);
    asked(request_reset(6, 3_600)).then_expect_events(vec![requested(6, 3_600)]);
    asked(reset_password(5, 5)).then_expect_events(vec![password_changed(5)]);
}

#[test]
fn a_token_reads_as_it_was_written_and_nothing_else_does() {
    let token = ResetToken { account: ada(), reset: reset(1), proof: "0f".repeat(32) };
    let text = token.to_string();
    assert_eq!(text.parse(), Ok(token));
    for wrong in ["", "dbp_", &text[..text.len() - 1], &text[1..], &text.replace('f', "g")] {
        assert!(wrong.parse::<ResetToken>().is_err(), "{wrong}");
    }
    assert!(format!("dbp_{}", "é".repeat(64)).parse::<ResetToken>().is_err());
}

fn create_key(number: u128, scopes: Scopes, is_operator: bool) -> Command {
    let (account, name) = (ada(), Personal::new(ada(), text("Nightly report")));
    Command::CreateApiKey { account, key: key(number), name, scopes, is_operator, at: at(8) }
}

fn revoke_key(number: u128) -> Command {
    Command::RevokeApiKey { account: ada(), key: key(number), at: at(9) }
}

#[test]
fn a_key_may_do_no_more_than_its_account() {
    let reads = scopes([Scope::Read]);
    given([active()])
        .when(create_key(1, reads.clone(), false))
        .then_expect_events(vec![key_created(1, reads)]);
    let audits = scopes([Scope::Read, Scope::Auditor]);
    given([active()])
        .when(create_key(1, audits.clone(), true))
        .then_expect_error(Refusal::RoleNotHeld);
    given([active(), granted(Role::Auditor)])
        .when(create_key(1, audits.clone(), false))
        .then_expect_events(vec![key_created(1, audits)]);
    let operates = scopes([Scope::Write, Scope::Operator]);
    given([active()])
        .when(create_key(1, operates.clone(), false))
        .then_expect_error(Refusal::RoleNotHeld);
    given([active()])
        .when(create_key(1, operates.clone(), true))
        .then_expect_events(vec![key_created(1, operates)]);
}

#[test]
fn an_account_has_twenty_keys_and_one_more_when_one_is_revoked() {
    let reads = || scopes([Scope::Read]);
    let keys = (1..=20).map(|number| key_created(number, reads()));
    let mut history: Vec<Event> = std::iter::once(active()).chain(keys).collect();
    let given = |history: &[Event]| TestFramework::<Account>::with(()).given(history.to_vec());
    given(&history).when(create_key(21, reads(), false)).then_expect_error(Refusal::TooManyKeys);
    let revoked = Event::ApiKeyRevoked { account: ada(), key: key(7), at: at(9) };
    given(&history).when(revoke_key(7)).then_expect_events(vec![revoked.clone()]);
    history.push(revoked);
    given(&history).when(revoke_key(7)).then_expect_error(Refusal::KeyUnknown);
    given(&history)
        .when(create_key(21, reads(), false))
        .then_expect_events(vec![key_created(21, reads())]);
}

#[test]
fn whose_account_is_closed_gets_no_key() {
    let reads = || scopes([Scope::Read]);
    for (closed, refusal) in [(deactivated(), Refusal::Deactivated), (erased(), Refusal::Erased)] {
        given([active(), closed]).when(create_key(1, reads(), false)).then_expect_error(refusal);
    }
}

#[test]
fn a_key_that_can_do_nothing_is_none() {
    assert_eq!(Scopes::try_from(vec![Scope::Auditor]), Err(ScopesError::Idle));
    assert_eq!(Scopes::try_from(vec![]), Err(ScopesError::Idle));
    assert_eq!(Scopes::try_from(vec![Scope::Read, Scope::Read]), Err(ScopesError::Twice));
}
