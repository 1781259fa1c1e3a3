package origin_test

import "testing"

func TestA22RolesOfUsers(t *testing.T) { newWorld(t).play("user_roles", nil) }

func TestA24Roles(t *testing.T) { newWorld(t).play("roles", nil) }

func TestA25SelfRoles(t *testing.T) { newWorld(t).play("self_roles", nil) }
