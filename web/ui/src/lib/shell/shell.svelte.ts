// Which layers of the shell are open.

class Shell {
	shortcuts = $state(false);
	/** the message history */
	messages = $state(false);
	/** the navigation as a drawer, on windows too narrow for it */
	drawer = $state(false);
}

export const shell = new Shell();
