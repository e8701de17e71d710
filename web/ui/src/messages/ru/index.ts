import account from './account.json';
import common from './common.json';
import inbox from './inbox.json';
import reasons from './reasons.json';
import settings from './settings.json';

export default { account, common, inbox, reasons, settings };
