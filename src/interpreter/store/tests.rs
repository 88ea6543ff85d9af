use std::collections::BTreeMap;

use super::*;

fn lock(seed: u64) -> Lock {
    Lock::new("quick", seed, 4, "spec", [], BTreeMap::new(), Vec::new())
}

fn test(trial: usize) -> Record {
    Record::Test {
        trial,
        accuracies: vec![1.0 / (trial + 3) as f64],
    }
}

#[test]
fn a_run_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("runs/quick");
    let mut store = Store::create(&root, &lock(1), "spec").unwrap();
    store.append(test(0)).unwrap();
    store.append(test(1)).unwrap();
    let state = store.state().clone();
    drop(store);
    let store = Store::resume(&root, &lock(1), "spec").unwrap();
    assert_eq!(*store.state(), state);
    assert!(store.losses().is_empty());
    assert_eq!(fs::read_to_string(root.join(SPEC)).unwrap(), "spec");
}

#[test]
fn starting_over_a_run_says_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::create(folder.path(), &lock(1), "spec").unwrap());
    // Nothing has been recorded: nothing is lost by starting anew.
    let mut store = Store::create(folder.path(), &lock(1), "spec").unwrap();
    store.append(test(1)).unwrap();
    drop(store);
    let error = Store::create(folder.path(), &lock(1), "spec").unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }));
    assert!(error.to_string().contains("--resume"), "{error}");
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "x").unwrap();
    for outcome in [
        Store::create(folder.path(), &lock(1), "spec"),
        Store::resume(folder.path(), &lock(1), "spec"),
    ] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }));
        assert!(error.to_string().contains("--out"), "{error}");
    }
}

#[test]
fn another_seed_cannot_resume() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::create(folder.path(), &lock(1), "spec").unwrap());
    let error = Store::resume(folder.path(), &lock(2), "spec")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("seed: the run has 1, now it is 2"),
        "{error}"
    );
}

#[test]
fn stopped_before_the_lock_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(SPEC), "spec").unwrap();
    let store = Store::resume(folder.path(), &lock(1), "spec").unwrap();
    assert_eq!(*store.state(), State::default());
}

#[test]
fn a_journal_without_a_lock_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::create(folder.path(), &lock(1), "spec").unwrap());
    fs::remove_file(folder.path().join(LOCK)).unwrap();
    let error = Store::resume(folder.path(), &lock(1), "spec").unwrap_err();
    assert!(matches!(error, StoreError::BadLock { .. }), "{error}");
    fs::write(folder.path().join(LOCK), "{\"schema\":").unwrap();
    let error = Store::resume(folder.path(), &lock(1), "spec").unwrap_err();
    assert!(matches!(error, StoreError::BadLock { .. }), "{error}");
}

#[test]
fn a_model_is_given_back_only_if_it_is_the_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut on_disk = Store::create(folder.path(), &lock(1), "spec").unwrap();
    let mut in_memory = Store::in_memory();
    for store in [&mut on_disk, &mut in_memory] {
        let hash = store.save_model("3", b"weights").unwrap();
        assert_eq!(store.load_model("3", &hash).unwrap(), b"weights");
        assert_eq!(store.load_model("3", "0"), None);
        assert_eq!(store.load_model("4", &hash), None);
    }
    let path = folder.path().join("models/3.safetensors");
    let hash = lock::hash(b"weights");
    fs::write(&path, b"weighty").unwrap();
    assert_eq!(on_disk.load_model("3", &hash), None);
}

#[test]
fn texts_are_replaced_whole_and_nothing_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    write(&path, "long text").unwrap();
    write(&path, "short").unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "short");
    assert!(!folder.path().join("result.json.tmp").exists());
}

#[test]
fn a_file_in_place_of_the_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Store::create(&path, &lock(1), "spec").unwrap_err();
    assert!(error.to_string().contains("cannot create"), "{error}");
}

#[test]
fn a_run_that_was_killed_in_its_first_write_can_begin_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("spec.bnas.tmp"), "hal").unwrap();
    Store::resume(folder.path(), &lock(1), "spec").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("spec.bnas.tmp"), "hal").unwrap();
    Store::create(folder.path(), &lock(1), "spec").unwrap();
}
