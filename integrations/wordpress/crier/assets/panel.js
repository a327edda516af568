/**
 * Fills the box "Where it went" and keeps it fresh: each two seconds while something moves, else each
 * fifteen, and not at all while nobody looks. In the block editor it is looked at again after each
 * save, and what crier does not have is said at the top as well, since the box may be folded.
 */
( function ( wp ) {
	'use strict';

	var SOON = 2000;
	var LATER = 15000;
	var NOTICE = 'crier-outbox';
	var __ = wp.i18n.__;

	function text( tag, name, content ) {
		var node = document.createElement( tag );
		node.className = name;
		node.textContent = content;
		return node;
	}

	function time( at ) {
		var when = new Date( at );
		if ( isNaN( when ) ) {
			return '';
		}
		return when.toDateString() === new Date().toDateString() ? when.toLocaleTimeString() : when.toLocaleString();
	}

	function row( channel ) {
		var item = document.createElement( 'li' );
		var mark = channel.problem ? '!' : channel.moving ? '…' : channel.state === 'done' ? '✓' : '–';
		var state = text( 'span', 'crier-panel-state', channel.text );
		var link;

		item.className = 'crier-panel-row' + ( channel.problem ? ' is-problem' : '' ) + ( channel.moving ? ' is-moving' : '' );
		item.setAttribute( 'data-channel', channel.channel );
		item.setAttribute( 'data-state', channel.state );
		item.appendChild( text( 'span', 'crier-panel-mark', mark ) ).setAttribute( 'aria-hidden', 'true' );
		item.appendChild( text( 'strong', 'crier-panel-channel', channel.channel ) );
		item.appendChild( state );
		item.appendChild( text( 'time', 'crier-panel-time', time( channel.at ) ) ).setAttribute( 'datetime', channel.at );
		if ( /^https?:\/\//i.test( channel.link ) ) {
			link = text( 'a', 'crier-panel-link', __( 'See the post', 'crier' ) );
			link.href = channel.link;
			link.target = '_blank';
			link.rel = 'noopener noreferrer';
			link.appendChild( text( 'span', 'screen-reader-text', ' ' + channel.channel ) );
			item.appendChild( link );
		}
		if ( channel.detail ) {
			item.appendChild( text( 'span', 'crier-panel-detail', channel.detail ) );
		}
		return item;
	}

	function notices() {
		return document.body.classList.contains( 'block-editor-page' ) ? wp.data.dispatch( 'core/notices' ) : null;
	}

	function Panel( box ) {
		this.box = box;
		this.line = box.querySelector( '.crier-panel-line' );
		this.list = box.querySelector( '.crier-panel-list' );
		this.timer = 0;
		this.asking = false;
		this.again = false; // Asked for while an answer was on its way.
		this.shown = '';
	}

	Panel.prototype.say = function ( summary, tone ) {
		// A status that is set again is read out again.
		if ( this.line.textContent !== summary ) {
			this.line.textContent = summary;
		}
		this.box.className = 'crier-panel is-' + tone;
	};

	Panel.prototype.show = function ( answer ) {
		var list = this.list;
		var shown = JSON.stringify( answer.channels );

		this.say( answer.summary, answer.tone );
		if ( shown !== this.shown ) {
			this.shown = shown;
			list.textContent = '';
			answer.channels.forEach( function ( channel ) {
				list.appendChild( row( channel ) );
			} );
		}
		this.warn( answer );
		window.dispatchEvent( new window.CustomEvent( 'crier-panel', { detail: answer } ) ); // For editor.js.
	};

	Panel.prototype.warn = function ( answer ) {
		var store = notices();
		if ( ! store ) {
			return;
		}
		if ( answer.tone === 'error' ) {
			store.createWarningNotice( answer.summary, { id: NOTICE, isDismissible: true } );
		} else {
			store.removeNotice( NOTICE );
		}
	};

	Panel.prototype.ask = function () {
		var panel = this;

		window.clearTimeout( panel.timer );
		if ( panel.asking ) {
			panel.again = true;
			return;
		}
		if ( document.hidden ) {
			panel.wait( LATER );
			return;
		}
		panel.asking = true;
		wp.apiFetch( { path: '/crier/v1/posts/' + panel.box.getAttribute( 'data-post' ) } )
			.then(
				function ( answer ) {
					panel.show( answer );
					return answer.moving ? SOON : LATER;
				},
				function ( error ) {
					panel.say( ( error && error.message ) || __( 'WordPress does not answer.', 'crier' ), 'warning' );
					return LATER;
				}
			)
			.then( function ( delay ) {
				panel.asking = false;
				panel.wait( panel.again ? 0 : delay );
				panel.again = false;
			} );
	};

	Panel.prototype.wait = function ( delay ) {
		this.timer = window.setTimeout( this.ask.bind( this ), delay );
	};

	function followSaves( panel ) {
		var saving = false;
		if ( ! notices() ) {
			return;
		}
		wp.data.subscribe( function () {
			var editor = wp.data.select( 'core/editor' );
			var now = !! editor && editor.isSavingPost() && ! editor.isAutosavingPost();
			if ( saving && ! now ) {
				panel.ask();
			}
			saving = now;
		} );
	}

	function start() {
		Array.prototype.forEach.call( document.querySelectorAll( '.crier-panel' ), function ( box ) {
			var panel = new Panel( box );
			followSaves( panel );
			document.addEventListener( 'visibilitychange', function () {
				if ( ! document.hidden ) {
					panel.ask();
				}
			} );
			panel.ask();
		} );
	}

	if ( document.readyState === 'loading' ) {
		document.addEventListener( 'DOMContentLoaded', start );
	} else {
		start();
	}
} )( window.wp );
