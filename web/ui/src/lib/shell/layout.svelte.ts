// How wide the panes are and which are shown, kept on this device; and which of four shapes the
// window has.

const place = 'deskbell.layout';

export const limits = {
	navigation: { min: 176, max: 280, start: 208 },
	list: { min: 300, max: 520, start: 380 },
	customer: { min: 280, max: 420, start: 320 }
} as const;

/** phone < 768 ≤ narrow < 1024 ≤ medium < 1280 ≤ wide */
export type Shape = 'phone' | 'narrow' | 'medium' | 'wide';

function saved(): Partial<Record<string, unknown>> {
	try {
		return (JSON.parse(localStorage.getItem(place) ?? '{}') as Record<string, unknown> | null) ?? {};
	} catch {
		return {};
	}
}

function width(name: keyof typeof limits, value: unknown): number {
	const { min, max, start } = limits[name];
	return typeof value === 'number' && value >= min && value <= max ? value : start;
}

class Layout {
	navigation = $state(limits.navigation.start as number);
	list = $state(limits.list.start as number);
	customer = $state(limits.customer.start as number);
	/** the person wants to see the pane; narrow windows may still hide it */
	showNavigation = $state(true);
	showCustomer = $state(true);
	shape = $state<Shape>('wide');

	constructor() {
		const kept = saved();
		this.navigation = width('navigation', kept.navigation);
		this.list = width('list', kept.list);
		this.customer = width('customer', kept.customer);
		this.showNavigation = kept.showNavigation !== false;
		this.showCustomer = kept.showCustomer !== false;
		const steps = [
			[window.matchMedia('(min-width: 80rem)'), 'wide'],
			[window.matchMedia('(min-width: 64rem)'), 'medium'],
			[window.matchMedia('(min-width: 48rem)'), 'narrow']
		] as const;
		const look = () => (this.shape = steps.find(([query]) => query.matches)?.[1] ?? 'phone');
		for (const [query] of steps) query.addEventListener('change', look);
		look();
	}

	/** Writes the sizes down; called by an effect of the shell whenever they change. */
	keep(): void {
		const { navigation, list, customer, showNavigation, showCustomer } = this;
		const text = JSON.stringify({ navigation, list, customer, showNavigation, showCustomer });
		try {
			localStorage.setItem(place, text);
		} catch {
			// Storage is off: the sizes last until the tab closes.
		}
	}
}

export const layout = new Layout();
