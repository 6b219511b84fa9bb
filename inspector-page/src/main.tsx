/** The inspector's page: connects to the server that it came from, and shows what that says. */
import { render } from 'preact';
import { App } from './app.tsx';
import { Connection } from './connection.ts';
import { Sessions } from './sessions.ts';
import './style.css';

const page = document.getElementById('page');
if (page !== null) {
  const sessions = new Sessions();
  const connection = new Connection(sessions, location);
  page.replaceChildren();
  render(<App sessions={sessions} connection={connection} />, page);
  connection.connect();
}
