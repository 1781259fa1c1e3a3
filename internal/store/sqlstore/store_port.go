package sqlstore

import "parley/internal/core"

var _ core.Store = (*Store)(nil)
