use domain::dismissal::Dismissal;
use domain::dismissal::samples::{dismissal, dismissed, taken_back};

use super::{History, rows};
use crate::dismissal::Dismissals;

#[tokio::test]
async fn a_dismissal_stands_until_it_is_taken_back_and_may_be_said_again() {
    let once = History::default().with::<Dismissal>(dismissal(), [dismissed()]);
    assert_eq!(rows(&Dismissals, &once).await["dismissals"].len(), 1);

    let gone = History::default().with::<Dismissal>(dismissal(), [dismissed(), taken_back()]);
    assert!(rows(&Dismissals, &gone).await["dismissals"].is_empty());

    let said = [dismissed(), taken_back(), dismissed()];
    let again = History::default().with::<Dismissal>(dismissal(), said);
    assert_eq!(rows(&Dismissals, &again).await["dismissals"].len(), 1);
}
