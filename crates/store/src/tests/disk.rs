//! A disk that can fail, and be cut off between any two writes.

use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use super::Medium;
use crate::Store;
use crate::file::FILE_NAME;

const ENOSPC: i32 = 28;
const SECTOR_BYTES: usize = 512;

/// Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    platter: Mutex<Platter>,
    changed: Condvar,
}

#[derive(Debug)]
pub(super) struct Platter {
    /// What a loss of power can't take away.
    durable: Vec<u8>,
    /// What was written since: where and what, or a new length.
    volatile: Vec<(u64, Vec<u8>, bool)>,
    pub(super) syncs: u64,
    pub(super) is_full: bool,
    /// The disk is full from the write or sync with this many before it.
    pub(super) full_after: Option<u64>,
    pub(super) refused: u64,
    /// Images are taken at random.
    pub(super) camera: Option<Camera>,
}

/// Takes images of the disk as the end of the process or of the machine would leave it.
#[derive(Debug)]
pub(super) struct Camera {
    pub(super) random: fastrand::Rng,
    /// Says what has been synced.
    pub(super) store: Store,
    /// On average one image in that many writes.
    pub(super) rarity: u32,
    pub(super) images: Vec<Image>,
    pub(super) images_max: usize,
}

#[derive(Debug)]
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    pub(super) is_power_cut: bool,
    /// What was promised to survive.
    pub(super) synced: u64,
}

impl Disk {
    pub(super) fn new(dir: &Path) -> Self {
        let platter = Platter {
            durable: Vec::new(),
            volatile: Vec::new(),
            syncs: 0,
            is_full: false,
            full_after: None,
            refused: 0,
            camera: None,
        };
        let path = dir.join(FILE_NAME);
        Self(Arc::new(Shared { path, platter: Mutex::new(platter), changed: Condvar::new() }))
    }

    pub(super) fn medium(&self) -> Medium {
        let disk = self.clone();
        Medium::wrapped(move |file| {
            let mut platter = disk.0.platter.lock();
            platter.durable = std::fs::read(&disk.0.path).unwrap();
            platter.volatile.clear();
            Box::new(DiskBackend { disk: disk.clone(), file })
        })
    }

    pub(super) fn change<T>(&self, with: impl FnOnce(&mut Platter) -> T) -> T {
        with(&mut self.0.platter.lock())
    }

    pub(super) fn wait_for(&self, what: impl Fn(&Platter) -> bool) {
        let mut platter = self.0.platter.lock();
        while !what(&platter) {
            assert!(!self.0.changed.wait_for(&mut platter, super::WAIT_MAX).timed_out(), "it never came");
        }
    }

    fn write(&self, with: impl FnOnce(&mut Platter) -> io::Result<()>) -> io::Result<()> {
        let mut platter = self.0.platter.lock();
        if let Some(left) = &mut platter.full_after {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => platter.is_full = true,
            }
        }
        let result = if platter.is_full {
            platter.refused += 1;
            Err(io::Error::from_raw_os_error(ENOSPC))
        } else {
            with(&mut platter)
        };
        platter.take_image(&self.0.path);
        self.0.changed.notify_all();
        result
    }
}

impl Platter {
    fn take_image(&mut self, path: &Path) {
        let Some(camera) = &mut self.camera else { return };
        if camera.images.len() == camera.images_max || camera.random.u32(..camera.rarity) != 0 {
            return;
        }
        let synced = camera.store.synced();
        let is_power_cut = camera.random.bool();
        let bytes = if is_power_cut {
            let mut bytes = self.durable.clone();
            // The disk was free to write any of it, in sectors.
            let keep = camera.random.f64();
            for (offset, data, is_length) in &self.volatile {
                let offset = *offset as usize;
                if *is_length {
                    bytes.resize(offset, 0);
                    continue;
                }
                for (number, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                    if camera.random.f64() < keep {
                        let at = offset + number * SECTOR_BYTES;
                        bytes[at..at + sector.len()].copy_from_slice(sector);
                    }
                }
            }
            bytes
        } else {
            std::fs::read(path).unwrap()
        };
        camera.images.push(Image { bytes, is_power_cut, synced });
    }
}

#[derive(Debug)]
struct DiskBackend {
    disk: Disk,
    file: FileBackend,
}

impl StorageBackend for DiskBackend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.write(|platter| {
            platter.volatile.push((len, Vec::new(), true));
            self.file.set_len(len)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.write(|platter| {
            for (offset, data, is_length) in std::mem::take(&mut platter.volatile) {
                let offset = offset as usize;
                if is_length {
                    platter.durable.resize(offset, 0);
                } else {
                    platter.durable[offset..offset + data.len()].copy_from_slice(&data);
                }
            }
            platter.syncs += 1;
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(|platter| {
            platter.volatile.push((offset, data.to_vec(), false));
            self.file.write(offset, data)
        })
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
