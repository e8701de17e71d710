/** The look shared by inputs, selects and text areas. */
export const control =
	'border-control-line bg-panel text-ink rounded-control w-full min-w-0 border px-2.5 text-base ' +
	'aria-invalid:border-bad disabled:bg-sunken disabled:text-mute [&[readonly]]:bg-sunken';

/** The same with the height of one line. */
export const oneLine = `${control} h-8 max-narrow:h-11`;
