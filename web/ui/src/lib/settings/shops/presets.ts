// Servers of well-known mail providers, as their own help pages give them for mail programs.

export interface Preset {
	id: string;
	name: string;
	/** ends of addresses that are certainly hosted there */
	domains: string[];
	imap: { host: string; port: number; security: 'tls' | 'starttls' };
	smtp: { host: string; port: number; security: 'tls' | 'starttls' };
	/** the account's own password is refused: an app password or token is needed */
	appPassword?: boolean;
	/** the provider files sent mail by itself */
	filesSent?: boolean;
}

const tls = (host: string, port: number) => ({ host, port, security: 'tls' as const });
const startTLS = (host: string, port = 587) => ({ host, port, security: 'starttls' as const });

export const presets: readonly Preset[] = [
	{
		id: 'gmail',
		name: 'Gmail, Google Workspace',
		domains: ['gmail.com', 'googlemail.com'],
		imap: tls('imap.gmail.com', 993),
		smtp: tls('smtp.gmail.com', 465),
		appPassword: true,
		filesSent: true
	},
	{
		id: 'outlook',
		name: 'Outlook.com, Microsoft 365',
		domains: ['outlook.com', 'hotmail.com', 'live.com'],
		imap: tls('outlook.office365.com', 993),
		smtp: startTLS('smtp.office365.com'),
		appPassword: true,
		filesSent: true
	},
	{
		id: 'icloud',
		name: 'iCloud',
		domains: ['icloud.com', 'me.com'],
		imap: tls('imap.mail.me.com', 993),
		smtp: startTLS('smtp.mail.me.com'),
		appPassword: true
	},
	{
		id: 'yahoo',
		name: 'Yahoo',
		domains: ['yahoo.com', 'yahoo.it'],
		imap: tls('imap.mail.yahoo.com', 993),
		smtp: tls('smtp.mail.yahoo.com', 465),
		appPassword: true
	},
	{
		id: 'fastmail',
		name: 'Fastmail',
		domains: ['fastmail.com'],
		imap: tls('imap.fastmail.com', 993),
		smtp: tls('smtp.fastmail.com', 465),
		appPassword: true
	},
	{
		id: 'yandex',
		name: 'Яндекс (Yandex)',
		domains: ['yandex.ru', 'yandex.com', 'ya.ru'],
		imap: tls('imap.yandex.ru', 993),
		smtp: tls('smtp.yandex.ru', 465),
		appPassword: true
	},
	{
		id: 'mailru',
		name: 'Mail.ru',
		domains: ['mail.ru', 'bk.ru', 'inbox.ru', 'list.ru'],
		imap: tls('imap.mail.ru', 993),
		smtp: tls('smtp.mail.ru', 465),
		appPassword: true
	},
	{
		id: 'aruba',
		name: 'Aruba',
		domains: ['aruba.it'],
		imap: tls('imaps.aruba.it', 993),
		smtp: tls('smtps.aruba.it', 465)
	},
	{
		id: 'qq',
		name: 'QQ 邮箱 (QQ Mail)',
		domains: ['qq.com', 'foxmail.com'],
		imap: tls('imap.qq.com', 993),
		smtp: tls('smtp.qq.com', 465),
		appPassword: true
	},
	{
		id: '163',
		name: '网易 163 (NetEase)',
		domains: ['163.com'],
		imap: tls('imap.163.com', 993),
		smtp: tls('smtp.163.com', 465),
		appPassword: true
	}
];

/** The provider of an address, if its domain says so. */
export function presetOf(address: string): Preset | undefined {
	const domain = address.split('@')[1]?.trim().toLowerCase() ?? '';
	return presets.find((preset) => preset.domains.includes(domain));
}
