// Class names used in many places.

export const table = {
	table: 'w-full border-collapse text-left',
	head: 'text-mute text-small border-line border-b px-2 py-1.5 font-medium whitespace-nowrap first:pl-0',
	row: 'border-line border-b last:border-0',
	cell: 'px-2 py-1.5 first:pl-0'
} as const;

/** A quiet square button for an icon, such as the trigger of a menu. */
export const iconButton =
	'text-ink-2 hover:bg-sunken hover:text-ink rounded-control inline-grid size-8 place-items-center max-narrow:size-11';
