package origin

import (
	"context"

	"parley/internal/chat"
)

// rolesOf are the names of a person's roles in their own order.
func (d *Dialect) rolesOf(ctx context.Context, u *chat.User) []string {
	table := d.roleTable(ctx)
	names := make([]string, 0, len(u.Roles))
	for _, id := range u.Roles {
		if r, ok := table[id]; ok {
			names = append(names, r.Name)
		}
	}
	return names
}

// colorOf is the colour of a person's first role; nil for none.
func (d *Dialect) colorOf(ctx context.Context, u *chat.User) *string {
	if len(u.Roles) == 0 {
		return nil
	}
	if r := d.roleTable(ctx)[u.Roles[0]]; r.Color != "" {
		return &r.Color
	}
	return nil
}

func (d *Dialect) roleTable(ctx context.Context) map[chat.RoleID]chat.Role {
	table, err := d.core.RoleTable(ctx)
	if err != nil {
		d.log.Warn("roles could not be read", "error", err)
	}
	return table
}
