//! A process or a machine that ends at any moment: what is on the disk is some commit, and not less than was promised.

use super::disk::{Camera, Disk, Image};
use super::{options, replay, start};
use crate::file::FILE_NAME;
use crate::{Opened, StoreError, SyncPolicy};

const IMAGES: usize = 20;

/// Images of a store under load, while its log is rewritten again and again, and what was appended.
fn images(seed: u64, policy: SyncPolicy) -> (Vec<Image>, Vec<u64>) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(policy));
    let random = fastrand::Rng::with_seed(seed);
    let camera = Camera { random, store: store.clone(), rarity: 80, images: Vec::new(), images_max: IMAGES };
    disk.change(|platter| platter.camera = Some(camera));
    let mut random = fastrand::Rng::with_seed(seed + 1);
    let has_images = |disk: &Disk| disk.change(|platter| platter.camera.as_ref().unwrap().images.len() == IMAGES);
    while !has_images(&disk) || model.inner.lock().saves_begun < 3 {
        for _ in 0..random.u32(1..50) {
            model.append(&store, &"z".repeat(random.usize(..300)));
        }
        store.rewrite();
        // Only so much ahead of the disk that its images differ.
        let number = model.inner.lock().state.count;
        model.wait_for(|inner| inner.synced + 200 > number);
    }
    let camera = disk.change(|platter| platter.camera.take().unwrap());
    (camera.images, model.history())
}

fn open(image: &Image) -> (tempfile::TempDir, Result<Opened, StoreError>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE_NAME), &image.bytes).unwrap();
    let opened = Opened::open(dir.path());
    (dir, opened)
}

fn check(seed: u64, policy: SyncPolicy) {
    let (images, history) = images(seed, policy);
    let mut counts = Vec::new();
    for image in &images {
        let (dir, opened) = open(image);
        let opened = opened.unwrap_or_else(|error| panic!("power cut: {}: {error}", image.is_power_cut));
        let state = replay(&opened).unwrap();
        assert_eq!(history.get(state.count as usize), Some(&state.chain), "not a state that there was");
        assert!(state.count >= image.synced, "{} after {} was promised", state.count, image.synced);
        counts.push(state.count);
        drop(opened);
        // It goes on from there, removes what is left of a rewrite, and can be rewritten itself.
        let (model, store) = start(dir.path(), &Disk::new(dir.path()), history.clone(), options(policy));
        model.append(&store, "after");
        store.rewrite();
        model.wait_for(|inner| inner.saves_begun == 1);
        store.close();
        let opened = Opened::open(dir.path()).unwrap();
        assert_eq!(replay(&opened).unwrap(), model.state());
    }
    counts.sort_unstable();
    counts.dedup();
    assert!(counts.len() > 5, "the images are all the same: {counts:?}");
}

#[test]
fn nothing_synced_is_lost_with_always() {
    check(1, SyncPolicy::Always);
}

#[test]
fn nothing_synced_is_lost_with_every_second() {
    check(2, SyncPolicy::EverySecond);
}

#[test]
fn with_never_the_process_may_end_and_the_machine_s_end_is_noticed() {
    let (images, history) = images(3, SyncPolicy::Never);
    for image in &images {
        let (_dir, opened) = open(image);
        match opened.and_then(|opened| replay(&opened)) {
            Ok(state) => {
                assert_eq!(history.get(state.count as usize), Some(&state.chain), "not a state that there was");
                assert!(image.is_power_cut || state.count >= image.synced);
            }
            Err(error) => assert!(image.is_power_cut && matches!(error, StoreError::Damaged { .. }), "{error}"),
        }
    }
}
