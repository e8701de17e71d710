// The words of the first load. Those of the settings come with the settings: loadWords().
import account from './account.json';
import common from './common.json';
import inbox from './inbox.json';
import reasons from './reasons.json';

export default { account, common, inbox, reasons };
