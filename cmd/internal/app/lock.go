package app

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile takes the lock of a data folder, which ends with the process however it ends.
func lockFile(path string) (release func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("another server is running on this data folder (%s is locked); several nodes need --database postgres://…", path)
	}
	return file.Close, nil
}
